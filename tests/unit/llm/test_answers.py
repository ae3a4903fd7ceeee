import json
from typing import Any

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.answers import (
    SMALL_BODY,
    ErrorAnswer,
    PassedBody,
    PassedStream,
    TranslatedBody,
    TranslatedStream,
    UnreadAnswer,
)
from entresol.llm.format import ChatFormat, StreamShape
from entresol.llm.registry import format_named
from entresol.llm.types import Usage

DELTA = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
STOP = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
FAILED = b'data: {"error":{"message":"overloaded","type":"server_error","code":"503"}}\n\n'
DONE = b"data: [DONE]\n\n"
SHAPE = StreamShape(model="asked", request_id="r")


def chat(name: str) -> ChatFormat:
    found = format_named(name)
    assert isinstance(found, ChatFormat)
    return found


OPENAI, ANTHROPIC = chat("openai-chat"), chat("anthropic-messages")


def passed() -> PassedStream:
    return PassedStream(OPENAI, None, "sse", "r")


def translated() -> TranslatedStream:
    return TranslatedStream(OPENAI.stream_decoder(), ANTHROPIC.stream_encoder(SHAPE), ANTHROPIC, SHAPE)


def test_a_stream_of_the_same_format_passes_byte_for_byte() -> None:
    answer = passed()
    pieces = [DELTA[:30], DELTA[30:] + DELTA, STOP, DONE]
    assert b"".join(answer.feed(piece, piece is DONE) for piece in pieces) == b"".join(pieces)
    assert (answer.facts.model, answer.facts.finish_reason, answer.facts.is_complete) == ("m", "stop", True)


def test_a_stream_that_ends_before_its_end_gets_an_error_event() -> None:
    answer = passed()
    out = answer.feed(DELTA, False) + answer.feed(b"", True)
    assert out.startswith(DELTA)
    assert json.loads(out[len(DELTA) + 6 :])["error"]["code"] == "provider_stream_cut"
    assert answer.facts.error is not None
    assert answer.facts.error.code == "provider_stream_cut"


def test_a_cut_event_is_closed_before_the_error_event() -> None:
    answer = passed()
    assert answer.feed(DELTA, False) + answer.boundary() == DELTA
    answer.feed(DELTA[:20], False)
    assert answer.boundary() == b"\n\n"


def test_a_finish_reason_is_end_enough_for_servers_that_forget_the_mark() -> None:
    answer = passed()
    assert answer.feed(DELTA + STOP, True) == DELTA + STOP
    assert answer.facts.is_complete


def test_an_error_event_of_the_same_format_passes_and_counts_as_failure() -> None:
    answer = passed()
    assert answer.feed(DELTA + FAILED, True) == DELTA + FAILED
    assert answer.facts.error is not None
    assert (answer.facts.error.message, answer.facts.error.status) == ("overloaded", 503)


def test_a_stream_that_broke_off_is_accounted_for_as_far_as_it_came() -> None:
    answer = passed()
    answer.feed(DELTA, False)
    answer.settle()
    assert (answer.facts.model, answer.facts.is_complete) == ("m", False)


def test_a_translated_stream_tells_what_it_said() -> None:
    answer = translated()
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    out = b"".join(answer.feed(piece, piece is DONE) for piece in (DELTA, STOP, usage, DONE))
    facts = answer.facts
    assert b"message_stop" in out
    assert (facts.model, facts.finish_reason, facts.usage, facts.is_complete) == (
        "m",
        "stop",
        Usage(input=3, output=2),
        True,
    )


@pytest.mark.parametrize(("stream", "code"), [(DELTA, "provider_stream_cut"), (DELTA + FAILED + DELTA + DONE, "503")])
def test_a_translated_stream_ends_with_one_error_and_nothing_after_it(stream: bytes, code: str) -> None:
    answer = translated()
    out = b"".join(answer.feed(stream[at : at + 1], at + 1 == len(stream)) for at in range(len(stream)))
    assert out.count(b"event: error") == 1
    assert b"message_stop" not in out
    assert answer.facts.error is not None
    assert answer.facts.error.code == code


def test_a_translated_stream_without_its_mark_is_ended_properly() -> None:
    answer = translated()
    assert answer.feed(DELTA + STOP, True).endswith(b'data: {"type":"message_stop"}\n\n')


BODY: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    "system_fingerprint": "f",
}


def test_a_small_answer_is_checked_before_it_passes() -> None:
    answer = PassedBody(OPENAI, 100)
    assert answer.needs_whole
    body = json.dumps(BODY).encode()
    assert answer.feed(body, True) == body
    assert answer.facts.usage == Usage(input=3, output=2)
    with pytest.raises(UpstreamError, match="provider_bad_response"):
        PassedBody(OPENAI, None).feed(b"<html>", True)


def test_a_large_answer_passes_unheld() -> None:
    answer = PassedBody(OPENAI, SMALL_BODY + 1)
    assert not answer.needs_whole
    body = json.dumps(BODY | {"padding": "x" * SMALL_BODY}).encode()
    out = b"".join(answer.feed(body[at : at + 4096], at + 4096 >= len(body)) for at in range(0, len(body), 4096))
    assert out == body
    assert answer.facts.usage == Usage(input=3, output=2)


def test_a_large_answer_of_unknown_size_is_read_only_at_both_ends() -> None:
    body = json.dumps({"data": [0.5] * 100_000, "model": "m", "usage": {"prompt_tokens": 3}}).encode()
    answer = PassedBody(OPENAI, None)
    assert answer.needs_whole
    assert answer.feed(body, True) == body
    assert (answer.facts.usage, answer.facts.model) == (Usage(input=3), "m")


def test_garbage_that_has_passed_counts_as_failure() -> None:
    answer = PassedBody(OPENAI, SMALL_BODY + 1)
    answer.feed(b"<html>", True)
    assert answer.facts.error is not None
    assert answer.facts.error.code == "provider_bad_response"


def test_a_whole_answer_is_translated_and_its_losses_told() -> None:
    answer = TranslatedBody(OPENAI, ANTHROPIC, 5, None)
    out = json.loads(answer.feed(json.dumps(BODY).encode(), True))
    assert (out["type"], out["content"][0]["text"], out["stop_reason"]) == ("message", "hi", "end_turn")
    assert answer.dropped == ["system_fingerprint"]
    assert (answer.facts.model, answer.facts.usage) == ("m", Usage(input=3, output=2))


def test_a_client_that_streams_gets_a_stream_from_a_provider_that_does_not() -> None:
    answer = TranslatedBody(OPENAI, ANTHROPIC, 5, ANTHROPIC.stream_encoder(SHAPE))
    out = answer.feed(json.dumps(BODY).encode(), True)
    assert out.startswith(b"event: message_start")
    assert out.endswith(b'data: {"type":"message_stop"}\n\n')
    assert answer.content_type == b"text/event-stream"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[{}]}', b'{"error":{"message":"inside a 200"}}'])
def test_an_answer_that_is_none_is_not_translated(body: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        TranslatedBody(OPENAI, ANTHROPIC, 5, None).feed(body, True)
    assert error.value.code == ("provider_error" if b"error" in body else "provider_bad_response")


ERROR = b'{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}'


def test_an_error_of_the_same_format_passes_as_it_is() -> None:
    answer = ErrorAnswer(OPENAI, OPENAI, 429, "r", is_encoded=False)
    assert answer.feed(ERROR, True) == ERROR
    assert answer.facts.error is not None
    assert answer.facts.error.code == "rate_limit_exceeded"


def test_an_error_of_another_format_is_written_in_the_clients() -> None:
    out = json.loads(ErrorAnswer(OPENAI, ANTHROPIC, 429, "r", is_encoded=False).feed(ERROR, True))
    assert (out["type"], out["error"]["type"], out["error"]["message"]) == ("error", "rate_limit_error", "slow down")
    assert out["message"] == "slow down"


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b'{"unknown":1}'])
@pytest.mark.parametrize("client", [OPENAI, ANTHROPIC])
def test_what_a_proxy_on_the_way_wrote_becomes_an_error_of_the_clients_format(client: ChatFormat, body: bytes) -> None:
    out = json.loads(ErrorAnswer(OPENAI, client, 502, "r", is_encoded=False).feed(body, True))
    assert out["error"]["message"] == "the provider answered with status 502"
    assert out["request_id"] == "r"


def test_a_compressed_error_is_not_read() -> None:
    out = json.loads(ErrorAnswer(OPENAI, OPENAI, 400, "r", is_encoded=True).feed(b"\x1f\x8b\x08", True))
    assert out["error"]["code"] == "provider_error"


def test_what_cannot_be_read_passes_unread() -> None:
    answer = UnreadAnswer()
    assert answer.feed(b"\x1f\x8b", True) == b"\x1f\x8b"
    assert (answer.facts.usage, answer.boundary()) == (None, b"")
