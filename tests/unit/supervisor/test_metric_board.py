from collections.abc import Iterable

from entresol.supervisor.messages import Collect, FromSupervisor, Scraped
from entresol.supervisor.metric_board import SCRAPE_PATIENCE_S, MetricBoard


def folded(parts: Iterable[bytes]) -> bytes:
    """Stands for a sum: the parts, sorted and joined."""
    return b"+".join(sorted(parts))


class Node:
    def __init__(self) -> None:
        self.sent: list[tuple[int, FromSupervisor]] = []
        self.board = MetricBoard(lambda worker, message: self.sent.append((worker, message)), folded)

    def taken(self) -> list[tuple[int, FromSupervisor]]:
        sent, self.sent = self.sent, []
        return sent


def test_a_scrape_is_answered_with_fresh_snapshots_of_all_workers() -> None:
    node = Node()
    node.board.snapshot(0, 0, b"stale")
    node.board.scrape(1, 7, [0, 1], 0.0)
    assert sorted(node.taken()) == [(0, Collect(1)), (1, Collect(1))]
    node.board.snapshot(0, 1, b"zero")
    assert node.taken() == []
    node.board.snapshot(1, 1, b"one")
    assert node.taken() == [(1, Scraped(7, (b"zero", b"one")))]


def test_what_the_dead_counted_stays() -> None:
    node = Node()
    for worker, data in ((0, b"zero"), (1, b"one")):
        node.board.snapshot(worker, 0, data)
        node.board.worker_gone(worker)
    node.board.snapshot(0, 0, b"again")
    node.board.scrape(0, 1, [], 0.0)
    assert node.taken() == [(0, Scraped(1, (b"one+zero", b"again")))]


def test_a_worker_that_dies_during_a_scrape_is_not_waited_for() -> None:
    node = Node()
    node.board.scrape(0, 1, [0, 1], 0.0)
    node.board.snapshot(0, 1, b"zero")
    node.taken()
    node.board.worker_gone(1)
    assert node.taken() == [(0, Scraped(1, (b"zero",)))]


def test_when_who_asked_dies_nobody_is_answered() -> None:
    node = Node()
    node.board.scrape(0, 1, [0, 1], 0.0)
    node.taken()
    node.board.worker_gone(0)
    node.board.snapshot(1, 1, b"one")
    assert node.taken() == []


def test_a_worker_that_does_not_answer_is_shown_as_of_its_last_snapshot() -> None:
    node = Node()
    node.board.snapshot(1, 0, b"old")
    node.board.scrape(0, 1, [0, 1], 0.0)
    node.board.snapshot(0, 1, b"new")
    node.taken()
    node.board.sweep(SCRAPE_PATIENCE_S / 2)
    assert node.taken() == []
    node.board.sweep(SCRAPE_PATIENCE_S)
    assert node.taken() == [(0, Scraped(1, (b"old", b"new")))]


def test_scrapes_at_the_same_time_are_answered_each() -> None:
    node = Node()
    node.board.scrape(0, 5, [0], 0.0)
    node.board.scrape(0, 6, [0], 0.0)
    node.taken()
    node.board.snapshot(0, 2, b"b")
    node.board.snapshot(0, 1, b"a")
    assert node.taken() == [(0, Scraped(6, (b"b",))), (0, Scraped(5, (b"a",)))]
