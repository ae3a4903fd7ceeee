import json
from collections.abc import Callable
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
from entresol.llm.events import ErrorDetail
from entresol.llm.format import ChatFormat, Framing, StreamShape
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


OPENAI, ANTHROPIC, GEMINI = chat("openai-chat"), chat("anthropic-messages"), chat("gemini")
CUT = ErrorDetail(status=502, message="cut", code="provider_stream_cut")


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
    answer.feed(DELTA, False)
    assert answer.failure(CUT).startswith(b"data: ")
    answer.feed(DELTA[:20], False)
    assert answer.failure(CUT).startswith(b"\n\ndata: ")


@pytest.mark.parametrize(("before", "start"), [(b"", b"["), (b'[{"candidates":[]}', b",\r\n")])
def test_a_failure_keeps_a_json_array_one(before: bytes, start: bytes) -> None:
    answer = PassedStream(GEMINI, None, "json-array", "r")
    if before:
        answer.feed(before, False)
    end = answer.failure(CUT)
    assert end.startswith(start)
    assert json.loads(before + end)[-1]["error"]["message"] == "cut"


SECOND = DELTA.replace(b'"index":0', b'"index":1')


@pytest.mark.parametrize("answer", [passed, translated])
def test_one_of_several_answers_is_not_the_end(answer: Callable[[], PassedStream | TranslatedStream]) -> None:
    made = answer()
    assert b"provider_stream_cut" in made.feed(DELTA + SECOND + STOP, True)
    assert made.facts.error is not None
    made = answer()
    made.feed(DELTA + SECOND + STOP + STOP.replace(b'"index":0', b'"index":1'), True)
    assert (made.facts.error, made.facts.is_complete) == (None, True)


@pytest.mark.parametrize("framing", ["sse", "json-array"])
@pytest.mark.parametrize("lead", [[], [{"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": {}}]])
def test_a_response_larger_than_the_tap_is_known_for_the_end(framing: Framing, lead: list[Any]) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "A" * 100_000}}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2}
    last = {"candidates": [{"content": {"parts": [image]}, "finishReason": "STOP"}], "usageMetadata": usage}
    parts = [json.dumps(part).encode() for part in [*lead, last]]
    stream = b"[%b]" % b",\r\n".join(parts)
    if framing == "sse":
        stream = b"".join([b"data: %b\r\n\r\n" % part for part in parts])
    answer = PassedStream(GEMINI, None, framing, "r")
    out = [answer.feed(stream[at : at + 16_384], at + 16_384 >= len(stream)) for at in range(0, len(stream), 16_384)]
    assert b"".join(out) == stream
    assert (answer.facts.error, answer.facts.usage) == (None, Usage(input=3, output=2))
    cut = PassedStream(GEMINI, None, framing, "r")
    cut.feed(stream[:-200], True)
    assert cut.facts.error is not None


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


def test_what_came_before_a_cut_event_in_the_last_piece_is_kept() -> None:
    answer = translated()
    out = answer.feed(DELTA + STOP[:30], True)
    assert out.startswith(b"event: message_start")
    assert out.count(b"event: error") == 1
    assert answer.facts.error is not None
    assert answer.facts.error.code == "provider_bad_response"


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


@pytest.mark.parametrize(
    ("client", "body"),
    [
        (OPENAI, b'{"error":{"message":"boom","type":"server_error"}}'),
        (ANTHROPIC, b'{"type":"error","error":{"type":"api_error","message":"boom"}}'),
        (GEMINI, b'{"error":{"code":500,"message":"boom","status":"INTERNAL"}}'),
    ],
)
def test_an_error_that_says_200_is_no_answer(client: ChatFormat, body: bytes) -> None:
    with pytest.raises(UpstreamError, match="boom") as error:
        PassedBody(client, len(body)).feed(body, True)
    assert (error.value.status, error.value.code) == (502, "provider_error")


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
    answer = TranslatedBody(OPENAI, ANTHROPIC, SHAPE, None)
    out = json.loads(answer.feed(json.dumps(BODY).encode(), True))
    assert (out["type"], out["content"][0]["text"], out["stop_reason"]) == ("message", "hi", "end_turn")
    assert answer.dropped == ["system_fingerprint"]
    assert (answer.facts.model, answer.facts.usage) == ("m", Usage(input=3, output=2))


def test_a_client_that_streams_gets_a_stream_from_a_provider_that_does_not() -> None:
    answer = TranslatedBody(OPENAI, ANTHROPIC, SHAPE, ANTHROPIC.stream_encoder(SHAPE))
    out = answer.feed(json.dumps(BODY).encode(), True)
    assert out.startswith(b"event: message_start")
    assert out.endswith(b'data: {"type":"message_stop"}\n\n')
    assert answer.content_type == b"text/event-stream"


NAMES = [
    (ANTHROPIC, OPENAI, b'"id":"chatcmpl-r"', b'"model":"asked"'),
    (GEMINI, OPENAI, b'"id":"chatcmpl-r"', b'"model":"asked"'),
    (OPENAI, ANTHROPIC, b'"id":"msg_r"', b'"model":"asked"'),
    (OPENAI, GEMINI, b'"responseId":"r"', b'"modelVersion":"asked"'),
]
NAMELESS = {
    "openai-chat": b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}',
    "anthropic-messages": b'{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}',
    "gemini": b'{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}]}',
}


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
CODE = {"executableCode": {"language": "PYTHON", "code": "1"}}
RAN = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
LOST = [
    (ANTHROPIC, [{"text": "a"}, PICTURE, CODE, PICTURE, RAN], ["image", "executableCode", "codeExecutionResult"]),
    (OPENAI, [{"text": "a"}, PICTURE, CODE, RAN, CODE], ["executableCode", "codeExecutionResult"]),
    (OPENAI, [{"text": "a"}, PICTURE], []),
]


@pytest.mark.parametrize(("client", "parts", "lost"), LOST)
def test_content_that_a_stream_cannot_say_is_told_by_the_names_of_whole_answers(
    client: ChatFormat, parts: list[Any], lost: list[str]
) -> None:
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    body = TranslatedBody(GEMINI, client, SHAPE, None)
    body.feed(json.dumps(whole).encode(), True)
    stream = TranslatedStream(GEMINI.stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)
    pieces = [{"candidates": [{"content": {"parts": [part]}}]} for part in parts]
    ends = {"candidates": [{"finishReason": "STOP"}]}
    stream.feed(b"".join([b"data: %b\n\n" % json.dumps(each).encode() for each in [*pieces, ends]]), True)
    replayed = TranslatedBody(GEMINI, client, SHAPE, client.stream_encoder(SHAPE))
    replayed.feed(json.dumps(whole).encode(), True)
    assert list(dict.fromkeys(body.dropped)) == lost
    assert (list(stream.dropped), list(replayed.dropped)) == (lost, lost)


def events(*pieces: Any) -> bytes:
    return b"".join([b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces])


GROUNDED = events(
    {"candidates": [{"content": {"parts": [{"text": "a", "partMetadata": {"b": 1}}]}, "safetyRatings": [{"a": 1}]}]},
    {"candidates": [{"content": {"parts": [{"text": "b"}]}, "safetyRatings": [{"a": 1}], "citationMetadata": None}]},
    {
        "candidates": [{"finishReason": "STOP", "groundingMetadata": {"a": 1}, "finishMessage": "done"}],
        "promptFeedback": {"safetyRatings": [{"a": 1}]},
        "modelStatus": {"modelStage": "STABLE"},
    },
)
OF_GEMINI = [
    "partMetadata",
    "safetyRatings",
    "groundingMetadata",
    "finishMessage",
    "modelStatus",
    "promptFeedback",
]
CITED = (
    events(
        {"id": "c", "system_fingerprint": "f", "choices": [{"index": 0, "delta": {"content": "a", "annotations": []}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {"annotations": [{"type": "url_citation"}]}}]},
        {"id": "c", "choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]},
    )
    + STOP
    + DONE
)
SOUND = {"audio": {"data": "AA", "transcript": "a"}}
SPOKEN = events({"id": "c", "service_tier": "flex", "choices": [{"index": 0, "delta": SOUND}]}) + STOP + DONE
THOUGHT = events(
    {
        "type": "message_start",
        "message": {"id": "m", "container": {"id": "c"}, "usage": {"input_tokens": 1, "service_tier": "priority"}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "new": "x"}},
    {"type": "ping"},
    {"type": "new_event"},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "d"}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
    },
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END", "stop_details": {"category": "bio"}},
        "context_management": {"applied_edits": []},
    },
    {"type": "message_stop"},
)
OF_ANTHROPIC = ["new_delta", "new_event", "container", "caller", "context_management", "stop_details", "stop_sequence"]
LEFT_OUT = [
    (GEMINI, OPENAI, GROUNDED, OF_GEMINI),
    (GEMINI, ANTHROPIC, GROUNDED, OF_GEMINI),
    (OPENAI, ANTHROPIC, CITED, ["system_fingerprint", "annotations", "choices[1:]"]),
    (OPENAI, GEMINI, CITED, ["system_fingerprint", "annotations"]),
    (OPENAI, GEMINI, SPOKEN, ["service_tier", "transcript"]),
    (ANTHROPIC, OPENAI, THOUGHT, [*OF_ANTHROPIC, "signature", "redacted_thinking"]),
    (ANTHROPIC, GEMINI, THOUGHT, [*OF_ANTHROPIC, "service_tier"]),
]


@pytest.mark.parametrize(("native", "client", "data", "lost"), LEFT_OUT)
def test_what_only_the_providers_format_knows_of_a_stream_is_told_once(
    native: ChatFormat, client: ChatFormat, data: bytes, lost: list[str]
) -> None:
    stream = TranslatedStream(native.stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)
    stream.feed(data, True)
    assert stream.facts.error is None
    assert sorted(stream.dropped) == sorted(lost)


@pytest.mark.parametrize("client", [OPENAI, ANTHROPIC])
def test_a_signed_text_of_a_stream_that_cannot_go_back_is_told(client: ChatFormat) -> None:
    stream = TranslatedStream(GEMINI.stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)
    part = {"text": "a", "thoughtSignature": "c2ln"}
    stream.feed(events({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}), True)
    assert list(stream.dropped) == ["thoughtSignature"]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("native", "client", "answer_id", "model"), NAMES)
def test_an_answer_without_names_gets_those_of_its_request(
    native: ChatFormat, client: ChatFormat, answer_id: bytes, model: bytes, streams: bool
) -> None:
    answer = TranslatedBody(native, client, SHAPE, client.stream_encoder(SHAPE) if streams else None)
    out = answer.feed(NAMELESS[native.name], True)
    assert out.count(answer_id) == out.count(model) >= 1
    assert not answer.facts.model


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[{}]}', b'{"error":{"message":"inside a 200"}}'])
def test_an_answer_that_is_none_is_not_translated(body: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        TranslatedBody(OPENAI, ANTHROPIC, SHAPE, None).feed(body, True)
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


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b'<p class="error">Bad gateway', b"", b'{"unknown":1}'])
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
    assert answer.facts.usage is None


@pytest.mark.parametrize(
    ("called", "reason"), [(b"", "stop"), (b'"tool_calls":[{"id":"a","function":{"name":"f"}}]', "tool_calls")]
)
def test_an_end_without_a_reason_gets_one_for_clients_who_wait_for_it(called: bytes, reason: str) -> None:
    answer = TranslatedStream(OPENAI.stream_decoder(), OPENAI.stream_encoder(SHAPE), OPENAI, SHAPE)
    out = answer.feed(b'data: {"id":"c","choices":[{"index":0,"delta":{%b}}]}\n\n' % called + DONE, True)
    assert out.count(b'"finish_reason":"%b"' % reason.encode()) == 1
    assert (answer.facts.finish_reason, answer.facts.is_complete) == (reason, True)


def test_the_tier_that_served_a_stream_may_be_told_at_its_end() -> None:
    responses, chat_format = chat("openai-responses"), OPENAI
    started = {"id": "r", "model": "m", "status": "in_progress", "service_tier": "auto"}
    ended = {
        "id": "r", "model": "m", "status": "completed", "service_tier": "priority", "output": [],
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }  # fmt: skip
    answer = TranslatedStream(responses.stream_decoder(), chat_format.stream_encoder(SHAPE), chat_format, SHAPE)
    for kind, response in (("response.created", started), ("response.completed", ended)):
        event = json.dumps({"type": kind, "response": response})
        answer.feed(f"event: {kind}\ndata: {event}\n\n".encode(), kind == "response.completed")
    assert answer.facts.service_tier == "priority"
    assert answer.facts.usage == Usage(input=5, output=7)
