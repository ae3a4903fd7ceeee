"""Sessions: the handshake that goes on, what is logged, and what a session costs."""

import asyncio
from typing import Any

import msgspec
import pytest

from entresol.api_floor.ai_slots import AI_META, AI_USAGE, AiUsage
from entresol.core.http import HeaderPairs
from entresol.plugins.ai_proxy import AiProxy
from playbooks.floor import FakeClient, Playbook
from playbooks.harness import Gateway
from unit.llm.test_realtime import last_words, said

HANDSHAKE: HeaderPairs = [
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-extensions", b"permessage-deflate"),
    (b"authorization", b"Bearer gateway-key"),
]
AUTH = {"header_name": "Authorization", "header_value": "Bearer sk-provider-key"}


def playbook(auth: dict[str, str] | None = None, **changes: Any) -> Playbook:
    options = {"upstream_url": "http://mock.test:9", **changes.pop("options", {})}
    model = {"provider": "openai", "name": "gpt-realtime", "options": options}
    raw = {"route_type": "realtime/v1/realtime", "model": model, "auth": AUTH if auth is None else auth, **changes}
    return Playbook(Gateway((AiProxy, raw)).plugins)


def handshake(play: Playbook, query: str = "model=gpt-realtime", headers: HeaderPairs = HANDSHAKE) -> FakeClient:
    client = play.client_starts(path="/v1/realtime", query=query, headers=headers, upgrade=True)
    client.sends(b"")
    return client


def opened(play: Playbook) -> FakeClient:
    client = handshake(play)
    play.upstream.starts(101, [(b"sec-websocket-accept", b"x")])
    return client


def done(usage: dict[str, Any], response_id: str = "r") -> bytes:
    return said({"type": "response.done", "response": {"id": response_id, "usage": usage}})


def test_the_handshake_goes_on_without_extensions_and_with_the_gateways_credential() -> None:
    play = playbook()
    handshake(play, "intent=x&model=gpt-realtime")
    sent = play.upstream
    assert (sent.request.method, sent.request.target) == ("GET", "/v1/realtime?model=gpt-realtime&intent=x")
    assert sent.request.upgrade == b"websocket"
    assert sent.header("authorization") == "Bearer sk-provider-key"
    assert sent.header("sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ=="
    assert [sent.header(name) for name in ("sec-websocket-extensions", "content-type", "accept-encoding")] == [None] * 3
    assert sent.request.timeouts.idle_s == 0


@pytest.mark.parametrize(
    ("offered", "sent"),
    [
        (b"realtime, openai-insecure-api-key.gateway-key", "realtime"),
        (b"openai-insecure-api-key.gateway-key", None),
        (b"realtime", "realtime"),
    ],
)
def test_a_key_in_a_subprotocol_stays_here(offered: bytes, sent: str | None) -> None:
    play = playbook()
    handshake(play, headers=[*HANDSHAKE, (b"sec-websocket-protocol", offered)])
    assert play.upstream.header("sec-websocket-protocol") == sent


def test_where_clients_bring_their_own_key_it_goes_on() -> None:
    play = playbook(auth={})
    handshake(play, headers=[*HANDSHAKE, (b"sec-websocket-protocol", b"realtime, openai-insecure-api-key.mine")])
    assert play.upstream.header("sec-websocket-protocol") == "realtime, openai-insecure-api-key.mine"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("model=other", "model_not_allowed"),
        ("model=gpt-realtime&model=x", "bad_request"),
        ("m%6fdel=other", "model_not_allowed"),
    ],
)
def test_another_model_is_refused(query: str, code: str) -> None:
    play = playbook()
    assert handshake(play, query).header("x-entresol-error") == code
    assert play.transport.calls == []


def test_the_providers_cookies_stay_here() -> None:
    play = playbook()
    client = handshake(play)
    play.upstream.starts(101, [(b"set-cookie", b"__cf_bm=x"), (b"sec-websocket-accept", b"x")])
    assert (client.status, client.header("set-cookie"), client.header("sec-websocket-accept")) == (101, None, "x")


def test_a_request_that_is_no_handshake_is_refused() -> None:
    client = playbook().client_starts(path="/v1/realtime")
    client.sends(b"", last=True)
    assert (client.status, client.header("upgrade")) == (426, "websocket")
    assert client.header("x-entresol-error") == "websocket_required"


def test_usage_and_cost_of_a_session_stand_in_its_log_record() -> None:
    play = playbook(options={"input_cost": 4, "output_cost": 16})
    client = opened(play)
    play.upstream.sends(said({"type": "session.created", "session": {"model": "gpt-realtime-2025-08-28"}}))
    play.upstream.sends(done({"input_tokens": 100, "output_tokens": 10}, "a"))
    play.upstream.sends(done({"input_tokens": 100, "output_tokens": 10}, "b"))
    client.leaves()
    assert client.path is not None
    exchange = client.path.exchange
    meta, usage = exchange[AI_META], exchange[AI_USAGE]
    assert (meta.request_mode, meta.request_model, meta.response_model) == (
        "realtime", "gpt-realtime", "gpt-realtime-2025-08-28",
    )  # fmt: skip
    assert (usage.prompt_tokens, usage.completion_tokens) == (200, 20)
    assert usage.cost == pytest.approx((200 * 4 + 20 * 16) / 1_000_000)
    assert usage.price_version == "config"


@pytest.mark.parametrize(
    ("transcribed", "is_known"),
    [
        ({"type": "tokens", "input_tokens": 20, "output_tokens": 4}, True),
        ({"type": "duration", "seconds": 2.5}, False),
    ],
)
def test_transcriptions_are_billed_at_their_own_models_price(transcribed: dict[str, Any], is_known: bool) -> None:
    play = playbook(options={"input_cost": 4, "output_cost": 16})
    client = opened(play)
    audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    play.upstream.sends(said({"type": "session.updated", "session": {"model": "gpt-realtime", "audio": audio}}))
    play.upstream.sends(done({"input_tokens": 100, "output_tokens": 0}))
    kind = "conversation.item.input_audio_transcription.completed"
    play.upstream.sends(said({"type": kind, "item_id": "i", "usage": transcribed}))
    client.leaves()
    assert client.path is not None
    usage = client.path.exchange[AI_USAGE]
    if is_known:
        assert usage.prompt_tokens == 120
        assert usage.cost is not None
        assert 0 < usage.cost - 400 / 1_000_000 < (20 + 4) * 16 / 1_000_000
    else:
        assert (usage.cost, usage.price_id, usage.price_version) == (None, None, None)


def test_a_session_that_only_counts_seconds_has_a_cost_that_nobody_knows() -> None:
    play = playbook(options={"input_cost": 4, "output_cost": 16})
    client = opened(play)
    kind = "conversation.item.input_audio_transcription.completed"
    play.upstream.sends(said({"type": kind, "item_id": "i", "usage": {"type": "duration", "seconds": 2.5}}))
    client.leaves()
    assert client.path is not None
    assert client.path.exchange[AI_USAGE] == AiUsage()


def test_a_session_in_which_nothing_was_said_costs_nothing() -> None:
    client = opened(playbook())
    client.leaves()
    assert client.path is not None
    assert AI_USAGE not in client.path.exchange


def test_a_session_is_cut_when_its_time_is_up_though_nobody_speaks() -> None:
    async def scenario() -> None:
        play = playbook(realtime={"max_session_s": 0.01})
        client = opened(play)
        cut = asyncio.Event()
        end = client.finish

        def finish(data: bytes = b"", trailers: HeaderPairs | None = None) -> None:
            end(data, trailers)
            cut.set()

        client.finish = finish  # type: ignore[method-assign]
        await asyncio.wait_for(cut.wait(), 5)
        assert last_words(client.body) == ("realtime_limit_reached", 1008, "realtime_limit_reached")
        assert play.upstream.is_complete

    asyncio.run(scenario())


def test_the_timer_of_a_session_that_ended_is_gone() -> None:
    async def scenario() -> None:
        play = playbook(realtime={"max_session_s": 60})
        client = opened(play)
        loop: Any = asyncio.get_running_loop()
        assert [timer.cancelled() for timer in loop._scheduled] == [False]
        client.leaves()
        assert all(timer.cancelled() for timer in loop._scheduled)

    asyncio.run(scenario())


def test_an_extension_that_was_not_offered_is_the_providers_fault() -> None:
    play = playbook()
    client = handshake(play)
    play.upstream.starts(101, [(b"sec-websocket-extensions", b"permessage-deflate")])
    assert (client.status, client.header("x-entresol-error")) == (502, "provider_bad_response")


def test_a_handshake_that_the_provider_refuses_is_its_error() -> None:
    play = playbook()
    client = handshake(play)
    error = msgspec.json.encode({"error": {"message": "no such model", "code": "model_not_found"}})
    play.upstream.answers(404, error, [(b"content-type", b"application/json")])
    assert client.status == 404
    assert b"no such model" in client.body


def test_a_provider_that_breaks_off_ends_the_session_as_an_error() -> None:
    from entresol.core.errors import UpstreamError

    play = playbook()
    client = opened(play)
    play.upstream.fails(UpstreamError("upstream_reset", "gone"))
    assert last_words(client.body) == ("upstream_reset", 1011, "upstream_reset")
