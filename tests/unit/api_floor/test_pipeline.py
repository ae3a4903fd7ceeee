"""The order of the path and what each step does with a request."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from entresol.api_floor import pipeline
from entresol.api_floor.entities import Consumer, Route
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plan import CompiledRoute, CompiledService, RouteMatch, Router
from entresol.core.decision import Answer, Deny, Outcome
from entresol.core.http import Headers, Origin, RequestHead, SeenHead, Timeouts, UpstreamRequest
from playbooks.floor import CONNECTION, SERVICE, FakeClient, Playbook
from unit.api_floor.recording import Recorder, plugin

STEPS = ["match", "rewrite", "access", "upstream", "header_filter", "body_filter", "log"]


def test_the_docstring_lists_the_steps_in_the_order_of_the_code() -> None:
    source = Path(pipeline.__file__).with_name("pipeline.py").read_text()  # compiled, a module has no docstring
    listed = re.findall(r"^  \d (\w+) ", source, re.M)
    assert listed == STEPS
    defined = [name for name in vars(pipeline.RequestPath) if name in STEPS]
    assert defined == STEPS


def test_a_request_takes_the_steps_in_that_order() -> None:
    recorder = Recorder()
    play = Playbook([plugin(recorder, "p", 10)], global_plugins=[plugin(recorder, "g", 5)])
    client = play.client_sends("POST", body=b"question")
    recorder.steps.append("upstream")
    play.upstream.answers(200, b"answer")
    assert recorder.steps == [
        "g.rewrite", "p.access", "g.access", "upstream", "p.header_filter", "g.header_filter",
        "p.body_filter", "g.body_filter", "p.log", "g.log",
    ]  # fmt: skip
    assert (client.status, client.body, client.is_finished) == (200, b"answer", True)


def test_plugins_of_a_phase_run_by_priority_higher_first() -> None:
    recorder = Recorder()
    play = Playbook([plugin(recorder, "low", 1), plugin(recorder, "high", 1000), plugin(recorder, "mid", 50)])
    play.client_sends()
    assert recorder.steps == ["high.access", "mid.access", "low.access"]


def test_without_a_route_the_answer_is_kongs_404_and_global_plugins_still_log() -> None:
    recorder = Recorder()
    play = Playbook(match=None, global_plugins=[plugin(recorder, "g", 5)])
    client = play.client_sends()
    assert client.status == 404
    assert b'"message":"no Route matched with those values"' in client.body
    assert client.header("x-entresol-error") == "no_route"
    assert recorder.steps == ["g.rewrite", "g.header_filter", "g.log"]


def test_a_route_may_refuse_the_protocol() -> None:
    route = CompiledRoute(
        Route(id="r", paths=("/",)), CompiledService(SERVICE, Origin("http", "b", 1), "/", Timeouts())
    )
    refusal = Deny(426, "https_required", "Please use HTTPS protocol")
    play = Playbook(match=RouteMatch(route, "/", refusal=refusal))
    assert play.client_sends().status == 426
    assert play.transport.calls == []


REQUEST_ID = b"x-entresol-request-id"


class CountingRouter(Router):
    """Says for each request where it goes; `by` is the one header field that has a say."""

    def __init__(self, match: RouteMatch, by: bytes = b"") -> None:
        self._match, self._by = match, by
        self.asked = 0

    def match(self, request: RequestHead) -> RouteMatch | None:
        self.asked += 1
        return self._match

    def looks_at(self, field: bytes) -> bool:
        return field == self._by


def repeated(play: Playbook, seen: SeenHead, length: int) -> UpstreamRequest:
    """Send a head that the connection has sent before, all but its Content-Length; returns what went upstream."""
    client = FakeClient()
    fields = [(b"host", b"gateway.test"), (b"x-mine", b"1"), (b"content-length", b"%d" % length)]
    client.path = play.floor.handle(RequestHead("POST", "/x", "q=1", Headers(fields), CONNECTION, known=seen), client)
    client.sends(b"x" * length, last=True)
    return play.upstream.request


def counted(play: Playbook, by: bytes = b"") -> CountingRouter:
    match = play.plan.router.match(RequestHead("GET", "/", "", Headers(), CONNECTION))
    assert match is not None
    router = play.plan.router = CountingRouter(match, by)
    return router


def test_a_head_that_comes_again_goes_the_way_it_went() -> None:
    def change(exchange: Exchange) -> None:
        assert exchange.upstream is not None
        exchange.upstream.headers.add(b"x-changed", b"%d" % exchange.request_bytes)
        exchange.upstream.target += "&changed"

    play, seen = Playbook([plugin(Recorder(), "p", 1, access=change)]), SeenHead()
    router = counted(play)
    first, again = repeated(play, seen, 5), repeated(play, seen, 70)
    assert first.headers.get(REQUEST_ID) != again.headers.get(REQUEST_ID)
    for request in (first, again):
        request.headers.remove(REQUEST_ID)
    assert again == first
    assert again.headers.get_all(b"x-changed") == [b"0"]
    assert (again.target, again.headers.get(b"content-length")) == ("/up?q=1&changed", None)
    assert router.asked == 1


def test_with_another_plan_a_head_is_looked_at_anew() -> None:
    seen, old, new = SeenHead(), Playbook(), Playbook()
    routers = [counted(old), counted(new)]
    for play in (old, new, new, old):
        repeated(play, seen, 1)
    assert [router.asked for router in routers] == [2, 1]


@pytest.mark.parametrize("rewrites", [True, False])
def test_what_may_differ_between_repetitions_is_looked_at_each_time(rewrites: bool) -> None:
    play, seen = Playbook(global_plugins=[plugin(Recorder(), "g", 1)] if rewrites else []), SeenHead()
    router = counted(play, b"" if rewrites else b"content-length")
    repeated(play, seen, 5)
    repeated(play, seen, 6)
    assert router.asked == 2


def test_a_route_without_service_that_no_plugin_answers_is_503() -> None:
    client = Playbook(service=False).client_sends()
    assert (client.status, client.header("x-entresol-error")) == (503, "no_service")


@pytest.mark.parametrize("phase", ["rewrite", "access"])
@pytest.mark.parametrize("outcome", [Answer(204), Deny(403, "forbidden", "no")])
def test_an_outcome_ends_the_path_before_the_upstream(phase: str, outcome: Outcome) -> None:
    recorder = Recorder()
    answering = plugin(recorder, "a", 10, hooks={phase: lambda _: outcome})
    play = Playbook([plugin(recorder, "later", 1)], global_plugins=[answering])
    client = play.client_sends()
    assert client.status == outcome.status
    assert client.is_finished
    assert play.transport.calls == []
    assert "later.access" not in recorder.steps
    assert recorder.steps[-2:] == ["a.log", "later.log"]


def test_after_authentication_the_plugins_are_those_of_the_consumer() -> None:
    recorder = Recorder()
    vip = Consumer(id="vip", username="vip")

    def authenticate(exchange: Exchange) -> None:
        exchange.consumer = vip

    auth = plugin(recorder, "auth", 100, access=authenticate)
    everyone = plugin(recorder, "everyone", 50)
    mine = plugin(recorder, "mine", 50)
    play = Playbook(plugins_for=lambda consumer: [auth, mine if consumer is vip else everyone])
    play.client_sends()
    play.upstream.answers(200)
    assert recorder.steps == [
        "auth.access", "mine.access", "auth.header_filter", "mine.header_filter",
        "auth.body_filter", "mine.body_filter", "auth.log", "mine.log",
    ]  # fmt: skip


def test_a_plugin_that_needs_the_body_waits_for_all_of_it() -> None:
    seen: list[bytes] = []
    reading = plugin(Recorder(), "reading", 10, needs_body=True, access=lambda exchange: seen.append(exchange.body))
    play = Playbook([reading])
    client = play.client_starts("POST")
    assert client.asked_for_body
    client.sends(b"one ")
    client.sends(b"two")
    assert seen == []
    client.sends(b"", last=True)
    assert seen == [b"one two"]
    assert (play.upstream.body, play.upstream.is_complete) == (b"one two", True)


def test_a_plugin_that_needs_no_body_runs_before_the_body_arrives() -> None:
    recorder = Recorder()
    denying = plugin(recorder, "auth", 100, access=lambda _: Deny(401, "unauthorized", "no"))
    play = Playbook([denying, plugin(recorder, "reading", 10, needs_body=True)])
    client = play.client_starts("POST")
    assert client.status == 401
    assert not client.asked_for_body


def test_what_a_plugin_makes_of_the_body_is_what_is_sent() -> None:
    def replace(exchange: Exchange) -> None:
        exchange.body = b"other"

    play = Playbook([plugin(Recorder(), "p", 1, needs_body=True, access=replace)])
    play.client_sends("POST", body=b"original")
    assert play.upstream.body == b"other"


def test_a_body_over_the_plugins_limit_is_413_as_soon_as_it_is_over() -> None:
    play = Playbook([plugin(Recorder(), "p", 1, needs_body=True, body_limit=10)])
    client = play.client_starts("POST")
    client.sends(b"12345678901")
    assert (client.status, client.header("x-entresol-error")) == (413, "request_too_large")
    assert play.transport.calls == []


def test_without_a_plugin_that_needs_it_the_body_streams() -> None:
    play = Playbook()
    client = play.client_starts("POST")
    client.sends(b"first")
    assert (play.upstream.body, play.upstream.is_complete) == (b"first", False)
    client.sends(b"second", last=True)
    assert (play.upstream.body, play.upstream.is_complete) == (b"firstsecond", True)


@pytest.mark.parametrize("chunks", [[b"one", b"two", b"three"], [b""], [b"", b"x"]])
def test_response_chunks_pass_one_by_one(chunks: list[bytes]) -> None:
    play = Playbook()
    client = play.client_sends()
    play.upstream.starts(200)
    for chunk in chunks:
        play.upstream.sends(chunk)
    play.upstream.sends(b"", last=True)
    assert client.chunks == [chunk for chunk in chunks if chunk]
    assert client.is_finished


def test_body_filters_see_every_chunk_and_the_last() -> None:
    seen: list[tuple[bytes, bool]] = []

    def shout(exchange: Exchange) -> Callable[[bytes, bool], bytes]:
        def change(data: bytes, last: bool) -> bytes:
            seen.append((data, last))
            return data.upper()

        return change

    play = Playbook([plugin(Recorder(), "p", 1, body_filter=shout)])
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(b"a")
    play.upstream.sends(b"b", last=True)
    assert seen == [(b"a", False), (b"b", True)]
    assert client.body == b"AB"


def test_body_filters_leave_the_gateways_own_answers_alone() -> None:
    recorder = Recorder()
    play = Playbook([plugin(recorder, "p", 1, access=lambda _: Answer(200, b"own"))])
    client = play.client_sends()
    assert client.body == b"own"
    assert "p.body_filter" not in recorder.steps


def test_a_plugin_that_fails_in_log_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()

    def fail(exchange: Exchange) -> None:
        raise ValueError("broken")

    play = Playbook([plugin(recorder, "bad", 10, log=fail), plugin(recorder, "good", 1)])
    play.client_sends()
    play.upstream.answers(200)
    assert recorder.steps[-1] == "good.log"
    assert "Recording.log failed" in caplog.text


def test_an_async_phase_is_waited_for() -> None:
    import asyncio

    async def scenario() -> None:
        recorder = Recorder()
        gate = asyncio.Event()

        async def slow(exchange: Exchange) -> Outcome | None:
            await gate.wait()
            recorder.steps.append("waited")
            return None

        play = Playbook([plugin(recorder, "slow", 10, access=slow), plugin(recorder, "next", 1)])
        client = play.client_sends()
        await asyncio.sleep(0)
        assert play.transport.calls == []
        gate.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert recorder.steps == ["slow.access", "waited", "next.access"]
        play.upstream.answers(200, b"ok")
        assert client.body == b"ok"

    asyncio.run(scenario())
