"""Runs a scenario on the event loop under test: asyncio's own, and uvloop, which serves where it is available."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
_chosen = ["asyncio"]


def choose(name: str) -> None:
    """Use this loop from now on."""
    _chosen[0] = name


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Like `asyncio.run`, on the chosen loop."""
    with asyncio.Runner(loop_factory=LOOPS[_chosen[0]]) as runner:
        runner.run(scenario)
