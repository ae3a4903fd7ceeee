"""Asynchronous tests of this folder run on both event loops: uvloop and asyncio's own."""

import pytest


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The event loop of a test."""
    return "asyncio", {"use_uvloop": request.param}
