from collections.abc import Callable

import msgspec
import pytest

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import Responder
from entresol.telemetry.metrics import Snapshot, WorkerMetrics
from entresol.telemetry.status_page import StatusPage


class KeptAnswer(Responder):
    """A responder that keeps what it is given."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.body = b""
        self.is_finished = False

    def inform(self, status: int, headers: HeaderPairs) -> None:
        raise AssertionError

    def ask_for_body(self) -> None: ...

    def start(self, head: ResponseHead) -> None:
        self.head = head

    def send(self, data: bytes) -> None:
        self.body += data

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        self.body += data
        self.is_finished = True

    def abort(self) -> None:
        raise AssertionError

    def pause_request(self) -> None: ...

    def resume_request(self) -> None: ...

    @property
    def is_blocked(self) -> bool:
        return False


class Node:
    """A node whose metrics come when the test says so."""

    def __init__(self, ready: bool = True) -> None:
        self._ready = ready
        self.waiting: list[Callable[[Snapshot], None]] = []

    def status(self) -> object:
        return {"workers": [1, 2]}

    def is_ready(self) -> bool:
        return self._ready

    def collect(self, when_collected: Callable[[Snapshot], None]) -> None:
        self.waiting.append(when_collected)


def asked(node: Node, path: str, method: str = "GET") -> KeptAnswer:
    connection = Connection("127.0.0.1", 1, "127.0.0.1", 2)
    answer = KeptAnswer()
    receiver = StatusPage(node).handle(RequestHead(method, path, "", Headers(), connection), answer)
    receiver.on_request_body(b"ignored", True, [])
    return answer


@pytest.mark.parametrize(
    ("path", "method", "ready", "status", "body"),
    [
        ("/status", "GET", True, 200, {"workers": [1, 2]}),
        ("/status", "HEAD", True, 200, {"workers": [1, 2]}),
        ("/status/ready", "GET", True, 200, {"message": "ready"}),
        ("/status/ready", "GET", False, 503, {"message": "not ready"}),
        ("/metrics", "POST", True, 405, {"message": "Method not allowed"}),
        ("/", "GET", True, 404, {"message": "Not found"}),
    ],
)
def test_the_page_answers(path: str, method: str, ready: bool, status: int, body: object) -> None:
    answer = asked(Node(ready), path, method)
    assert answer.is_finished
    assert answer.head is not None
    assert (answer.head.status, msgspec.json.decode(answer.body)) == (status, body)
    assert answer.head.content_length == len(answer.body)
    assert answer.head.headers.get(b"cache-control") == b"no-store"


def test_metrics_come_when_they_are_collected() -> None:
    node = Node()
    answer = asked(node, "/metrics")
    assert not answer.is_finished
    metrics = WorkerMetrics()
    metrics.counter("entresol_things_total", "Things.", (), ()).value += 3
    node.waiting[0](metrics.snapshot())
    assert answer.is_finished
    assert answer.head is not None
    assert (answer.head.headers.get(b"content-type") or b"").startswith(b"text/plain; version=0.0.4")
    assert b"entresol_things_total 3\n" in answer.body


def test_metrics_tell_of_the_node_even_when_nothing_was_counted() -> None:
    node = Node()
    answer = asked(node, "/metrics")
    node.waiting[0](WorkerMetrics().snapshot())
    assert b"\nentresol_node_info{" in answer.body
    assert b"\nkong_datastore_reachable 1\n" in answer.body


def test_families_stand_in_the_order_of_their_names() -> None:
    node = Node()
    answer = asked(node, "/metrics")
    metrics = WorkerMetrics()
    metrics.counter("entresol_http_requests_total", "Requests.", (), ()).value += 1
    node.waiting[0](metrics.snapshot())
    ours = [line.split()[2] for line in answer.body.decode().splitlines() if line.startswith("# TYPE entresol")]
    assert ours == ["entresol_datastore_reachable", "entresol_http_requests_total", "entresol_node_info"]
