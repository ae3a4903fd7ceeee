"""How a request is carried, how it waits, and how it ends when something goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from entresol.api_floor import passage
from entresol.api_floor.exchange import Exchange
from entresol.core.decision import Outcome
from entresol.core.errors import ClientError, GatewayError, UpstreamError
from playbooks.floor import Playbook
from unit.api_floor.recording import Hook, Recorder, plugin

RESET = UpstreamError("upstream_reset", "backend.test:8080 closed the connection")


def logged(recorder: Recorder, **hooks: Hook) -> tuple[Playbook, list[Exchange]]:
    """A playbook whose plugin keeps the exchange it logs."""
    exchanges: list[Exchange] = []
    return Playbook([plugin(recorder, "p", 1, log=exchanges.append, hooks=hooks)]), exchanges


def test_an_upstream_error_before_the_response_is_an_answer() -> None:
    play, exchanges = logged(Recorder())
    client = play.client_sends()
    play.upstream.fails(RESET)
    assert (client.status, client.header("x-entresol-error")) == (502, "upstream_reset")
    assert exchanges[0].error is RESET
    assert exchanges[0].source == "error"


def test_an_upstream_error_while_sending_is_an_answer() -> None:
    play, exchanges = logged(Recorder())
    play.transport.fails_with = RESET
    assert play.client_sends().status == 502
    assert len(exchanges) == 1


def test_an_upstream_error_in_mid_stream_breaks_the_connection_off() -> None:
    play, _ = logged(Recorder())
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(b"half")
    play.upstream.fails(RESET)
    assert client.is_aborted
    assert not client.is_finished


def test_an_upstream_error_in_a_known_stream_ends_it_with_the_streams_own_error() -> None:
    def know(exchange: Exchange) -> None:
        exchange.render_stream_error = lambda error: b"event: error " + error.code.encode()

    play, exchanges = logged(Recorder(), header_filter=know)
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(b"half ")
    play.upstream.fails(RESET)
    assert client.body == b"half event: error upstream_reset"
    assert client.is_finished
    assert exchanges[0].error is RESET


def test_a_stream_with_an_announced_length_is_never_ended_early_as_if_whole() -> None:
    def know(exchange: Exchange) -> None:
        exchange.render_stream_error = lambda error: b"error"

    play, _ = logged(Recorder(), header_filter=know)
    client = play.client_sends()
    play.upstream.starts(200, content_length=100)
    play.upstream.sends(b"half")
    play.upstream.fails(RESET)
    assert client.is_aborted


@pytest.mark.parametrize("phase", ["rewrite", "access", "header_filter"])
def test_a_fault_in_a_plugin_fails_closed(phase: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(exchange: Exchange) -> None:
        raise KeyError("secret-value")

    broken = plugin(Recorder(), "broken", 1, hooks={phase: fail})
    play = Playbook(global_plugins=[broken]) if phase == "rewrite" else Playbook([broken])
    client = play.client_sends()
    if phase == "header_filter":
        play.upstream.answers(200, b"ok")
        assert client.is_aborted  # nor can the answer about it be filtered
    else:
        assert (client.status, client.header("x-entresol-error")) == (500, "internal_error")
        assert b"secret-value" not in client.body
        assert play.transport.calls == []
    assert "failed" in caplog.text


def test_a_fault_in_an_async_phase_fails_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(exchange: Exchange) -> Outcome | None:
        await asyncio.sleep(0)
        raise KeyError("secret-value")

    async def scenario() -> None:
        play = Playbook([plugin(Recorder(), "p", 1, access=fail)])
        client = play.client_sends()
        for _ in range(5):
            await asyncio.sleep(0)
        assert client.status == 500
        assert play.transport.calls == []

    asyncio.run(scenario())
    assert "failed" in caplog.text


def test_a_gateway_error_raised_by_a_plugin_is_its_answer() -> None:
    def refuse(exchange: Exchange) -> None:
        raise ClientError("too_odd", "odd", status=418)

    play = Playbook([plugin(Recorder(), "p", 1, access=refuse)])
    assert play.client_sends().status == 418


def test_a_fault_in_a_body_filter_breaks_off_what_has_begun() -> None:
    def broken(exchange: Exchange) -> Callable[[bytes, bool], bytes]:
        def change(data: bytes, last: bool) -> bytes:
            raise UpstreamError("provider_bad_response", "not JSON")

        return change

    play = Playbook([plugin(Recorder(), "p", 1, body_filter=broken)])
    client = play.client_sends()
    play.upstream.answers(200, b"{")
    assert client.is_aborted
    assert play.upstream.is_cancelled


def buffering(change: Callable[[bytes], bytes]) -> Playbook:
    def hold(exchange: Exchange) -> None:
        exchange.buffer_response = True

    def whole(exchange: Exchange) -> Callable[[bytes, bool], bytes]:
        return lambda data, last: change(data)

    return Playbook([plugin(Recorder(), "p", 1, header_filter=hold, body_filter=whole)])


def test_a_buffered_response_is_filtered_in_one_piece_and_gets_its_true_length() -> None:
    play = buffering(lambda data: data + b"!")
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(b"a")
    assert client.head is None
    play.upstream.sends(b"b", last=True)
    assert client.body == b"ab!"
    assert client.head is not None
    assert client.head.content_length == 3


def test_a_fault_in_filtering_a_buffered_response_is_still_a_clean_answer() -> None:
    def refuse(data: bytes) -> bytes:
        raise UpstreamError("provider_bad_response", "not JSON")

    play = buffering(refuse)
    client = play.client_sends()
    play.upstream.answers(200, b"{")
    assert (client.status, client.header("x-entresol-error")) == (502, "provider_bad_response")
    assert client.is_finished


def test_a_response_too_large_to_hold_back_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "HELD_RESPONSE", 10)
    play = buffering(lambda data: data)
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(b"12345678901")
    assert (client.status, client.header("x-entresol-error")) == (502, "upstream_response_too_large")
    assert play.upstream.is_cancelled


def test_a_body_that_is_refused_is_answered_and_logged_as_what_it_is() -> None:
    play, exchanges = logged(Recorder())
    client = play.client_starts("POST")
    client.sends(b"half")
    client.body_is_refused(ClientError("request_timeout", "Request timeout", status=408))
    assert (client.status, client.header("x-entresol-error")) == (408, "request_timeout")
    assert play.upstream.is_cancelled
    assert [exchange.error and exchange.error.code for exchange in exchanges] == ["request_timeout"]


def test_a_client_that_leaves_cancels_its_upstream_and_is_logged_once() -> None:
    play, exchanges = logged(Recorder())
    client = play.client_sends()
    play.upstream.starts(200)
    client.leaves()
    client.leaves()
    assert play.upstream.is_cancelled
    assert len(exchanges) == 1
    assert exchanges[0].error is not None
    assert exchanges[0].error.code == "client_closed_request"


def test_bytes_that_arrive_after_the_end_reach_nobody() -> None:
    play, exchanges = logged(Recorder())
    client = play.client_sends()
    play.upstream.answers(200, b"all")
    play.upstream.sends(b"more")
    play.upstream.sends(b"", last=True)
    play.upstream.fails(RESET)
    client.sends(b"late body")
    assert client.body == b"all"
    assert len(exchanges) == 1


def test_a_client_that_leaves_while_a_plugin_waits_cancels_the_wait() -> None:
    async def scenario() -> None:
        cancelled = asyncio.Event()

        async def forever(exchange: Exchange) -> Outcome | None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            return None

        def access(exchange: Exchange) -> Awaitable[Outcome | None]:
            return forever(exchange)

        play, exchanges = logged(Recorder(), access=access)
        client = play.client_sends()
        await asyncio.sleep(0)
        client.leaves()
        await asyncio.wait_for(cancelled.wait(), 5)
        assert play.transport.calls == []
        assert len(exchanges) == 1

    asyncio.run(scenario())


def test_a_slow_client_pauses_the_upstream() -> None:
    play = Playbook()
    client = play.client_sends()
    assert client.path is not None
    client.path.on_client_blocked()
    assert play.upstream.is_paused
    client.path.on_client_writable()
    assert not play.upstream.is_paused


def test_a_slow_upstream_pauses_the_client() -> None:
    play = Playbook()
    client = play.client_starts("POST")
    client.sends(b"x")
    play.upstream.receiver.on_upstream_blocked()
    assert client.is_paused
    play.upstream.receiver.on_upstream_writable()
    assert not client.is_paused


def test_a_body_that_nobody_reads_yet_does_not_pile_up() -> None:
    async def scenario() -> None:
        async def forever(exchange: Exchange) -> Outcome | None:
            await asyncio.Event().wait()
            return None

        play = Playbook([plugin(Recorder(), "p", 1, access=forever)])
        client = play.client_starts("POST")
        client.sends(b"x" * (passage.HELD_UNREAD + 1))
        assert client.is_paused
        client.leaves()
        await asyncio.sleep(0)

    asyncio.run(scenario())


def test_interim_responses_are_passed_on() -> None:
    play = Playbook()
    client = play.client_sends()
    play.upstream.receiver.on_informational(103, play.upstream.request.headers)
    assert client.informed == [103]


def test_trailers_that_frame_or_authenticate_are_not_passed_on() -> None:
    play = Playbook()
    client = play.client_sends()
    play.upstream.starts(200)
    play.upstream.sends(
        b"x", last=True, trailers=[(b"x-checksum", b"1"), (b"content-length", b"5"), (b"authorization", b"k")]
    )
    assert client.trailers == [(b"x-checksum", b"1")]


def test_an_error_answer_keeps_the_headers_of_its_error() -> None:
    play, _ = logged(Recorder())
    client = play.client_sends()
    play.upstream.fails(GatewayError("rate_limited", "later", status=429, headers=((b"retry-after", b"7"),)))
    assert (client.status, client.header("retry-after")) == (429, "7")
