"""What a call keeps from phase to phase; how it goes as a whole is told in tests/unit/plugins/test_ai_proxy.py."""

import pytest

from entresol.api_floor.ai_call import AiCall, Way
from entresol.api_floor.ai_slots import AiPayload
from entresol.core.errors import UpstreamError
from entresol.core.http import Headers, Origin, ResponseHead
from entresol.core.secret import Secret
from entresol.llm.call import Ends
from entresol.llm.credentials import Credential
from entresol.llm.model_config import AuthConfig
from entresol.llm.registry import format_named, provider_named
from playbooks.harness import Gateway, ManualClock

KEY = "sk-very-secret"


def made(client: str = "openai-chat") -> AiCall:
    ends = Ends(format_named(client), provider_named("openai"), format_named("openai-chat"))
    way = Way(ends, "gpt-4o", False, None, Origin("https", "x", 443), "/v1/chat/completions", (b"x", b"y"))
    auth = AuthConfig(header_name="Authorization", header_value=Secret(f"Bearer {KEY}"))
    return AiCall(way, Credential(auth), ManualClock(), Gateway().call().exchange)


def head(status: int) -> ResponseHead:
    return ResponseHead(status, Headers([(b"content-type", b"application/json")]), 10)


def test_the_credential_is_masked_in_an_error_of_the_providers() -> None:
    call = made()
    call.head = head(400)
    call.answer(call.head)
    said = call.whole(b'{"error": {"message": "bad key %b"}}' % KEY.encode(), True)
    assert KEY.encode() not in said
    assert b"***" in said
    assert call.head.headers.get(b"x-entresol-error") == b"provider_error"


def test_a_fault_that_repeats_the_credential_does_not_tell_it() -> None:
    call = made()
    call.head = head(200)
    call.answer(call.head)
    with pytest.raises(UpstreamError) as caught:
        call.whole(b'{"error": {"message": "bad key %b"}}' % KEY.encode(), True)
    assert KEY not in str(caught.value)


def test_a_payload_is_kept_without_the_credential_where_pieces_cut_it() -> None:
    call = made()
    call.payload = AiPayload()
    call.answer(ResponseHead(200, Headers([(b"content-type", b"application/json")]), 100_000))
    for piece in (b"a sk-very", b"-secret b"):
        call.piece(piece, False)
    call.keep_rest()
    assert call.payload.response == "a *** b"


def test_what_came_in_one_piece_with_garbage_is_told_and_kept_without_the_credential() -> None:
    call = made("anthropic-messages")
    call.payload = AiPayload()
    call.stream = True
    call.answer(ResponseHead(200, Headers([(b"content-type", b"text/event-stream")])))
    delta = b'{"choices":[{"index":0,"delta":{"content":"the key is %b"}}]}' % KEY.encode()
    with pytest.raises(UpstreamError) as caught:
        call.piece(b"data: %b\n\ndata: <html>\n\n" % delta, False)
    end = call.failure(caught.value)
    assert end.index(b"the key is ***") < end.index(b"event: error")
    call.keep_rest()
    assert call.payload.response == end.decode()
