"""Tests that use sockets run on each event loop."""

from collections.abc import Iterator

import pytest

from conformance.http1 import event_loops


@pytest.fixture(params=list(event_loops.LOOPS))
def each_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test once on each loop."""
    event_loops.choose(request.param)
    yield
    event_loops.choose("asyncio")
