from entresol.supervisor.messages import Commit, Discard, FromSupervisor, Prepare, Prepared
from entresol.supervisor.rollout import PATIENCE_S, Rollout


class Node:
    """Records what a rollout does."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, FromSupervisor]] = []
        self.outcomes: list[object] = []
        self.rollout = Rollout(self._send, self._committed, self.outcomes.append)

    def _send(self, worker: int, message: FromSupervisor) -> None:
        self.sent.append((worker, message))

    def _committed(self, version: str, document: bytes, workers: frozenset[int]) -> None:
        self.outcomes.append((version, document, sorted(workers)))

    def begin(self) -> None:
        self.rollout.begin("v2", b"{}", [0, 1], 0.0)


def test_nobody_commits_before_everybody_is_prepared() -> None:
    node = Node()
    node.begin()
    assert node.sent == [(0, Prepare("v2", b"{}")), (1, Prepare("v2", b"{}"))]
    node.rollout.prepared(0, Prepared("v2"))
    assert len(node.sent) == 2
    node.rollout.prepared(1, Prepared("v2"))
    assert node.sent[2:] == [(0, Commit("v2")), (1, Commit("v2"))]
    assert node.outcomes == [("v2", b"{}", [0, 1])]
    assert not node.rollout.is_under_way


def test_one_that_cannot_spares_all() -> None:
    node = Node()
    node.begin()
    node.rollout.prepared(0, Prepared("v2"))
    node.rollout.prepared(1, Prepared("v2", "no such file"))
    assert node.sent[2:] == [(0, Discard("v2")), (1, Discard("v2"))]
    assert node.outcomes == ["worker 1: no such file"]
    node.rollout.prepared(1, Prepared("v2"))
    assert len(node.outcomes) == 1


def test_a_worker_that_dies_is_not_waited_for() -> None:
    node = Node()
    node.begin()
    node.rollout.prepared(0, Prepared("v2"))
    node.rollout.worker_gone(1)
    assert node.sent[2:] == [(0, Commit("v2"))]
    assert node.outcomes == [("v2", b"{}", [0])]


def test_answers_to_other_versions_do_not_count() -> None:
    node = Node()
    node.begin()
    node.rollout.prepared(0, Prepared("v1"))
    node.rollout.prepared(1, Prepared("v2"))
    assert node.rollout.is_under_way


def test_without_workers_it_is_committed_at_once() -> None:
    node = Node()
    node.rollout.begin("v2", b"{}", [], 0.0)
    assert node.outcomes == [("v2", b"{}", [])]


def test_a_worker_that_never_answers_fails_the_attempt() -> None:
    node = Node()
    node.begin()
    node.rollout.prepared(0, Prepared("v2"))
    node.rollout.sweep(PATIENCE_S - 1)
    assert node.rollout.is_under_way
    node.rollout.sweep(PATIENCE_S)
    assert node.outcomes == ["worker 1 did not compile it within 60 s"]
    assert node.sent[2:] == [(0, Discard("v2")), (1, Discard("v2"))]
