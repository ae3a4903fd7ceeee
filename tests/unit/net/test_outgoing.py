import asyncio
import logging
from collections.abc import Callable
from typing import cast

import pytest

from entresol.net.outgoing import MAX_WAITING_BYTES, Flusher, Outgoing


class Transport:
    """Notes what is done with it."""

    def __init__(self, taken: int | None = None) -> None:
        self.done: list[object] = []
        self.closing = False
        self._taken = taken

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("closed")
        self.closing = True

    def abort(self) -> None:
        self.done.append("aborted")
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 0 if self._taken is None else sum(len(b) for b in self.done if isinstance(b, bytes)) - self._taken


class Turn:
    """A turn of an event loop."""

    def __init__(self) -> None:
        self.scheduled: list[Callable[[], None]] = []
        self.flusher = Flusher(schedule=self.scheduled.append)

    def outgoing(self, transport: Transport) -> Outgoing:
        return Outgoing(cast("asyncio.Transport", transport), self.flusher)

    def end(self) -> None:
        scheduled = self.scheduled.copy()
        self.scheduled.clear()
        for callback in scheduled:
            callback()

    def begin(self) -> "Turn":
        """With a write of another connection: the first of a turn does not wait."""
        self.outgoing(Transport()).write(b"first")
        return self


def test_the_first_write_of_a_turn_goes_out_at_once() -> None:
    turn, transports = Turn(), [Transport(), Transport()]
    one, two = (turn.outgoing(transport) for transport in transports)
    for _ in range(2):
        one.write(b"a")
        two.write(b"b")
        assert (transports[0].done.pop(), transports[1].done) == (b"a", [])
        turn.end()
        assert (transports[0].done, transports[1].done.pop()) == ([], b"b")


def test_what_several_connections_write_goes_out_together_at_the_end_of_the_turn() -> None:
    turn, transports = Turn().begin(), [Transport(), Transport()]
    one, two = (turn.outgoing(transport) for transport in transports)
    one.write(b"a")
    two.write(b"b")
    one.write(b"c")
    assert [transport.done for transport in transports] == [[], []]
    assert len(turn.scheduled) == 1
    turn.end()
    assert [transport.done for transport in transports] == [[b"ac"], [b"b"]]
    turn.begin()
    one.write(b"next turn")
    turn.end()
    assert transports[0].done == [b"ac", b"next turn"]


def test_much_is_written_at_once_so_that_a_full_buffer_shows() -> None:
    turn, transport = Turn().begin(), Transport()
    outgoing = turn.outgoing(transport)
    outgoing.write(b"x" * MAX_WAITING_BYTES)
    assert transport.done == []
    outgoing.write(b"y")
    assert transport.done == [b"x" * MAX_WAITING_BYTES + b"y"]
    turn.end()
    assert len(transport.done) == 1


@pytest.mark.parametrize(("end", "seen"), [("close", "closed"), ("write_eof", "eof"), ("abort", "aborted")])
def test_endings_come_after_what_was_written(end: str, seen: str) -> None:
    turn, transport = Turn().begin(), Transport()
    outgoing = turn.outgoing(transport)
    outgoing.write(b"before")
    getattr(outgoing, end)()
    turn.end()
    assert transport.done == [b"before", seen]


def test_what_a_closed_transport_no_longer_takes_counts_as_unsent() -> None:
    turn, transport = Turn().begin(), Transport()
    outgoing = turn.outgoing(transport)
    outgoing.write(b"four")
    transport.closing = True
    turn.end()
    assert transport.done == []
    assert outgoing.unsent_bytes() == 4


def test_what_waits_here_and_in_the_transport_is_unsent() -> None:
    turn, transport = Turn().begin(), Transport(taken=2)
    outgoing = turn.outgoing(transport)
    transport.done.append(b"")
    transport.write(b"12345")
    outgoing.write(b"678")
    assert outgoing.unsent_bytes() == 6


def test_a_write_while_flushing_is_the_first_of_the_next_turn() -> None:
    turn, others = Turn().begin(), [Transport(), Transport()]
    echoed = [turn.outgoing(other) for other in others]

    class Echoing(Transport):
        def write(self, data: bytes) -> None:
            super().write(data)
            for outgoing in echoed:
                outgoing.write(data)

    turn.outgoing(Echoing()).write(b"ping")
    turn.end()
    assert [other.done for other in others] == [[b"ping"], []]
    turn.end()
    assert [other.done for other in others] == [[b"ping"], [b"ping"]]


@pytest.mark.parametrize("turn", [pytest.param(Turn(), id="first"), pytest.param(Turn().begin(), id="not first")])
def test_a_connection_that_fails_takes_no_other_with_it(turn: Turn, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Transport):
        def write(self, data: bytes) -> None:
            raise OSError("broken")

    failing, sound = Failing(), Transport()
    with caplog.at_level(logging.ERROR, "entresol.net"):
        turn.outgoing(failing).write(b"lost")
        turn.outgoing(sound).write(b"sent")
        turn.end()
    assert failing.done == ["aborted"]
    assert sound.done == [b"sent"]
    assert [record.message for record in caplog.records] == ["a connection could not be written to"]


def test_without_a_schedule_the_running_loop_is_asked() -> None:
    async def written() -> list[object]:
        flusher, transport = Flusher(), Transport()
        Outgoing(cast("asyncio.Transport", Transport()), flusher).write(b"first")
        Outgoing(cast("asyncio.Transport", transport), flusher).write(b"soon")
        assert transport.done == []
        await asyncio.sleep(0)
        return transport.done

    assert asyncio.run(written()) == [b"soon"]


def test_what_can_wait_is_done_after_the_write_and_at_once_when_nothing_is_written() -> None:
    turn, transport = Turn(), Transport()
    turn.flusher.later(lambda: transport.done.append("logged with nothing to write"))
    turn.begin()
    turn.outgoing(transport).write(b"answer")
    turn.flusher.later(lambda: transport.done.append("logged"))
    assert transport.done == ["logged with nothing to write"]
    turn.end()
    assert transport.done == ["logged with nothing to write", b"answer", "logged"]


def test_a_callback_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("no")

    turn, transport = Turn().begin(), Transport()
    turn.outgoing(transport).write(b"answer")
    turn.flusher.later(fail)
    turn.flusher.later(lambda: transport.done.append("logged"))
    with caplog.at_level(logging.ERROR, "entresol.net"):
        turn.end()
    assert transport.done == [b"answer", "logged"]
    assert [record.message for record in caplog.records] == ["a callback failed after writing"]
