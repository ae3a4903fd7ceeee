import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.supervisor.framing import MAX_FRAME, frame, supervisor_messages, worker_messages
from entresol.supervisor.messages import (
    Ask,
    Collect,
    Commit,
    ConfigurationState,
    Discard,
    Drain,
    FromSupervisor,
    FromWorker,
    GiveBack,
    Grant,
    NodeState,
    Prepare,
    Prepared,
    Ready,
    Recall,
    Report,
    Scrape,
    Scraped,
    Share,
    Snapshot,
    Standing,
    Standings,
    WindowAsk,
    WorkerState,
)

UP: list[FromWorker] = [
    Ask(1, "key", (WindowAsk("minute", 60, 60, 5, 1, 2),)),
    GiveBack("key", "minute", 60, 3, True),
    Report(()),
    Snapshot(7, b"\x00\xff"),
    Scrape(3),
    Ready("abc"),
    Prepared("abc", "no"),
]
DOWN: list[FromSupervisor] = [
    Grant(1, True, (Share(60, 2, 3, False),)),
    Recall("key", "minute", 60),
    Standings((Standing("key", "minute", 60, 5),)),
    Collect(7),
    Scraped(3, (b"a", b"b")),
    Prepare("abc", b"{}"),
    Commit("abc"),
    Discard("abc"),
    Drain(),
    NodeState((WorkerState(0, 12, "ready", 0),), ConfigurationState(version="abc", loaded_at=1.5)),
]


def test_every_message_survives_the_way() -> None:
    assert list(worker_messages().feed(frame(UP))) == UP
    assert list(supervisor_messages().feed(frame(DOWN))) == DOWN


@given(st.lists(st.integers(1, 40), max_size=40))
def test_frames_may_arrive_in_any_pieces(sizes: list[int]) -> None:
    data = frame(UP[:3]) + frame(UP[3:]) + frame([])
    reader = worker_messages()
    received: list[FromWorker] = []
    for size in sizes:
        received += reader.feed(data[:size])
        data = data[size:]
    received += reader.feed(data)
    assert received == UP


def test_a_stream_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="frame of"):
        list(worker_messages().feed((MAX_FRAME + 1).to_bytes(4, "big")))
    with pytest.raises(msgspec.DecodeError):
        list(worker_messages().feed((3).to_bytes(4, "big") + b"abc"))
