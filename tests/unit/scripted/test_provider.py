"""The handler plays scripts to a responder, with time in the test's hands."""

from collections.abc import Callable

import msgspec
import pytest

from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver
from entresol.scripted.endpoints import Settings
from entresol.scripted.provider import Cancellable, ScriptedProvider

CONNECTION = Connection("127.0.0.1", 1, "127.0.0.1", 2)


class Responses:
    """A responder that writes down what it is told."""

    is_blocked = False

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.sent: list[bytes] = []
        self.is_finished = False
        self.is_aborted = False

    def inform(self, status: int, headers: HeaderPairs) -> None:
        raise AssertionError("no interim responses")

    def ask_for_body(self) -> None:
        pass

    def start(self, head: ResponseHead) -> None:
        assert self.head is None
        self.head = head

    def send(self, data: bytes) -> None:
        assert self.head is not None
        self.sent.append(data)

    def finish(self, data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
        assert self.head is not None
        self.sent.append(data)
        self.is_finished = True

    def abort(self) -> None:
        self.is_aborted = True

    def pause_request(self) -> None:
        raise AssertionError("bodies are small")

    def resume_request(self) -> None:
        raise AssertionError("bodies are small")


class Timer:
    """Things due, run one by one when the test says so."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        entry = (delay_s, callback)
        self.due.append(entry)
        return Appointment(self, entry)

    def tick(self) -> float:
        delay, callback = self.due.pop(0)
        callback()
        return delay

    def run(self) -> list[float]:
        delays = []
        while self.due:
            delays.append(self.tick())
        return delays


class Appointment:
    """One thing due."""

    def __init__(self, timer: Timer, entry: tuple[float, Callable[[], None]]) -> None:
        self.timer = timer
        self.entry = entry

    def cancel(self) -> None:
        if self.entry in self.timer.due:
            self.timer.due.remove(self.entry)


class Stage:
    """A provider, its timer, and one call."""

    def __init__(self, model: str, *, stream: bool = False, delay_s: float = 0.0) -> None:
        self.timer = Timer()
        self.provider = ScriptedProvider(Settings(slow_s=9.0), chunk_delay_s=delay_s, later=self.timer.later)
        self.out = Responses()
        headers = Headers([(b"authorization", b"Bearer scripted-key"), (b"content-type", b"application/json")])
        head = RequestHead("POST", "/v1/chat/completions", "", headers, CONNECTION)
        self.receiver: RequestReceiver = self.provider.handle(head, self.out)
        fields = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
        self.body = msgspec.json.encode(fields)

    def send(self) -> "Stage":
        self.receiver.on_request_body(self.body[:10], False, [])
        self.receiver.on_request_body(self.body[10:], True, [])
        return self


def test_a_whole_answer_goes_out_in_one_piece_with_its_length() -> None:
    stage = Stage("gpt-5.5").send()
    assert stage.out.is_finished
    assert stage.out.head is not None
    assert stage.out.head.status == 200
    assert stage.out.head.content_length == len(b"".join(stage.out.sent))
    assert stage.timer.due == []


def test_what_was_received_is_recorded() -> None:
    stage = Stage("gpt-5.5").send()
    (received,) = stage.provider.received
    assert (received.method, received.path, received.wire) == ("POST", "/v1/chat/completions", "openai")
    assert (received.model, received.status) == ("gpt-5.5", 200)
    assert received.json["messages"][0]["content"] == "Hello"
    assert "scripted-key" not in repr(received.headers)


def test_a_stream_is_paced_and_not_framed_by_length() -> None:
    stage = Stage("gpt-5.5", stream=True, delay_s=0.25).send()
    delays = stage.timer.run()
    assert stage.out.is_finished
    assert stage.out.head is not None
    assert stage.out.head.content_length is None
    assert delays[:-1] == [0.25] * (len(delays) - 1)
    assert len(delays) == len([data for data in stage.out.sent if data])


def test_a_slow_answer_sends_not_even_its_head_before_the_wait_is_over() -> None:
    stage = Stage("scripted-slow").send()
    assert stage.out.head is None
    assert stage.timer.tick() == 9.0
    assert stage.out.is_finished


def test_a_stalled_stream_goes_on_after_the_wait() -> None:
    stage = Stage("scripted-stall-midstream", stream=True).send()
    assert sorted(stage.timer.run())[-1] == 9.0
    assert b"".join(stage.out.sent).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("model", "stream", "sends"), [("scripted-reset", False, False), ("scripted-reset-midstream", True, True)]
)
def test_a_connection_breaks_on_order(model: str, stream: bool, sends: bool) -> None:
    stage = Stage(model, stream=stream).send()
    stage.timer.run()
    assert stage.out.is_aborted
    assert not stage.out.is_finished
    assert bool(stage.out.sent) is sends


def test_a_client_that_leaves_stops_the_answer_and_is_counted() -> None:
    stage = Stage("gpt-5.5", stream=True).send()
    left: list[int] = []
    stage.provider.on_abandoned = lambda: left.append(stage.provider.abandoned)
    stage.receiver.on_client_gone()
    assert stage.timer.run() == []
    assert left == [1]


def test_a_client_that_leaves_after_its_answer_is_not_counted() -> None:
    stage = Stage("gpt-5.5").send()
    stage.receiver.on_client_gone()
    assert stage.provider.abandoned == 0


def test_a_slow_reader_is_waited_for() -> None:
    stage = Stage("gpt-5.5", stream=True).send()
    stage.receiver.on_client_blocked()
    stage.timer.run()
    before = len(stage.out.sent)
    assert not stage.out.is_finished
    stage.receiver.on_client_writable()
    stage.timer.run()
    assert stage.out.is_finished
    assert len(stage.out.sent) > before


def test_only_the_last_requests_are_kept() -> None:
    provider = ScriptedProvider(keep=2)
    one = Stage("gpt-5.5").send().provider.received[0]
    for _ in range(3):
        provider.record(one)
    assert len(provider.received) == 2
