"""Streams as servers write them that are not quite their wire's own, and what the official clients make of them."""

from typing import Any

import msgspec
import pytest

from entresol.llm.aws_event_stream import encode_message
from fidelity.classes import chat_format
from fidelity.sdk_readers import READERS, Heard, heard_by
from fidelity.test_broken_streams import driven, reading

CLIENTS = [name for name in READERS if name != "openai-chat"]


def sse(*events: Any) -> bytes:
    """Events without names; bytes go as they are."""
    lines = [each if isinstance(each, bytes) else b"data: %b\n\n" % msgspec.json.encode(each) for each in events]
    return b"".join(lines)


def chunk(delta: Any, reason: str | None = None, **beside: Any) -> Any:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **beside}


HI, STOP, DONE = chunk({"content": "hi"}), chunk({}, "stop"), b"data: [DONE]\n\n"
GOOD: dict[str, bytes] = {
    "a first chunk without choices": sse({"choices": [], "id": "", "prompt_filter_results": []}, HI, STOP, DONE),
    "choices that are null": sse({"id": "c", "choices": None}, HI, STOP, DONE),
    "a delta that is null": sse(chunk(None), HI, STOP, DONE),
    "no delta": sse({"choices": [{"index": 0, "content_filter_results": {}}]}, HI, STOP, DONE),
    "an index that is null": sse({"choices": [{"index": None, "delta": {"content": "hi"}}]}, STOP, DONE),
    "content that is null": sse(chunk({"content": None, "tool_calls": None, "function_call": None}), HI, STOP, DONE),
    "the role alone": sse(chunk({"role": "assistant"}), HI, STOP, DONE),
    "a mark with a space behind it": sse(HI, STOP, b"data: [DONE] \n\n"),
    "a mark without a space before it": sse(HI, STOP, b"data:[DONE]\n\n"),
    "no mark": sse(HI, STOP),
    "the mark twice, and more": sse(HI, STOP, DONE, DONE, HI),
    "finishing twice": sse(HI, STOP, STOP, DONE),
    "usage behind the finish": sse(HI, STOP, {"choices": [], "usage": {"prompt_tokens": 1}}, DONE),
    "usage that is null or empty": sse(chunk({"content": "hi"}, usage=None), chunk({}, "stop", usage={}), DONE),
    "a whole message in a chunk": sse({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}, DONE),
    "a whole answer that is no event": msgspec.json.encode(
        {"id": "c", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    ),
    "text, as completions have it": sse({"choices": [{"text": "hi", "finish_reason": "stop"}]}, DONE),
    "parts that are no words": sse(chunk({"content": [{"type": "reference", "reference_ids": [1]}]}), HI, STOP, DONE),
    "keep-alives": sse(
        b": ping\n\ndata:\n\nevent: ping\ndata: ping\n\nevent: keepalive\n\ndata: {}\n\n", HI, STOP, DONE
    ),
    "ids and times to wait": sse(b"retry: 100\nid: 5\n\n", HI, b"id: 6\n", STOP, DONE),
    "an event on several lines": sse(
        b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"hi"}}]}\n\n', STOP, DONE
    ),
    "an unknown reason": sse(HI, chunk({}, "eos"), DONE),
}


@pytest.mark.parametrize("case", GOOD)
@pytest.mark.parametrize("client", CLIENTS)
def test_what_servers_write_otherwise_is_read(client: str, case: str) -> None:
    heard = heard_by(client, driven(reading(chat_format("openai-chat"), chat_format(client)), [GOOD[case]]))
    assert heard.error is None
    assert heard.text == "hi"
    assert heard.finish in ("end_turn", "STOP", "COMPLETE", "stop", "completed")


FAILED: dict[str, bytes] = {
    "an error and the mark": sse(HI, {"error": {"message": "boom", "code": 500}}, DONE),
    "an error that is a text": sse(HI, {"error": "boom"}, DONE),
    "an error beside choices": sse(HI, chunk({"content": ""}, "error", error={"code": 502, "message": "boom"}), DONE),
    "an error in a choice": sse(HI, {"choices": [{"finish_reason": "error", "error": {"message": "boom"}}]}, DONE),
    "an error of Groq's": sse(HI, chunk({}, x_groq={"error": "boom"}), DONE),
    "an error object of vLLM's": sse(HI, {"object": "error", "message": "boom", "code": 400}, DONE),
    "an error in the words of a framework": sse(HI, {"detail": "boom"}, DONE),
    "an event that is named an error": sse(HI, b'event: error\ndata: {"message":"boom"}\n\n', DONE),
    "an error that is no event": sse(HI, b'{"error":{"message":"boom"}}\n', DONE),
    "an error that is no event, at once": b'{"error":{"message":"boom"}}',
    "an error behind the finish": sse(HI, STOP, {"error": {"message": "boom"}}, DONE),
}


@pytest.mark.parametrize("case", FAILED)
@pytest.mark.parametrize("client", CLIENTS)
def test_an_error_in_any_words_is_one_and_tells_what_was_said(client: str, case: str) -> None:
    heard = heard_by(client, driven(reading(chat_format("openai-chat"), chat_format(client)), [FAILED[case]]))
    assert heard.error is not None
    assert "boom" in str(heard.error)


CUT: dict[str, bytes] = {
    "nothing": b"",
    "the mark alone": DONE,
    "HTML": b"<html><body>Bad gateway</body></html>",
    "words alone": sse(HI),
    "half an event": sse(HI) + b'data: {"id":"c","choi',
    "one of two choices": sse(HI, {"choices": [{"index": 1, "delta": {"content": "b"}}]}, STOP),
}


@pytest.mark.parametrize("case", CUT)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_that_is_cut_is_an_error(client: str, case: str) -> None:
    heard = heard_by(client, driven(reading(chat_format("openai-chat"), chat_format(client)), [CUT[case]]))
    assert heard.error is not None


def test_the_first_reason_is_not_hidden_by_a_stop_at_the_end() -> None:
    data = sse(HI, chunk({}, "length"), STOP, DONE)
    heard = heard_by(
        "anthropic-messages", driven(reading(chat_format("openai-chat"), chat_format("anthropic-messages")), [data])
    )
    assert heard.finish == "max_tokens"


THOUGHTS: dict[str, Any] = {
    "reasoning_content": {"reasoning_content": "hm"},
    "reasoning": {"reasoning": "hm"},
    "both": {"reasoning_content": "hm", "reasoning": "hm"},
    "one of them empty": {"reasoning_content": "", "reasoning": "hm"},
    "parts": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    "with details": {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
}


@pytest.mark.parametrize("case", THOUGHTS)
@pytest.mark.parametrize("client", ["anthropic-messages", "gemini", "cohere-chat", "ollama-chat"])
def test_reasoning_arrives_in_every_dialect(client: str, case: str) -> None:
    data = sse(chunk(THOUGHTS[case]), HI, STOP, DONE)
    heard = heard_by(client, driven(reading(chat_format("openai-chat"), chat_format(client)), [data]))
    assert (heard.error, heard.thinking, heard.text) == (None, "hm", "hi")


def aws(*events: tuple[str, Any]) -> bytes:
    return b"".join(
        encode_message(
            {":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
            msgspec.json.encode(value),
        )
        for kind, value in events
    )


def exception(kind: str, payload: bytes = b'{"message":"boom"}') -> bytes:
    return encode_message({":exception-type": kind, ":message-type": "exception"}, payload)


def lines(*objects: Any) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in objects)


def candidate(*parts: Any, reason: str | None = None) -> Any:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": reason}]}


TEXT: dict[str, Any] = {"text": "hi"}
G_HI, G_END = candidate(TEXT), candidate(reason="STOP")
G_ERROR = {"error": {"code": 503, "message": "boom", "status": "UNAVAILABLE"}}
PRETTY = msgspec.json.format(msgspec.json.encode(G_ERROR), indent=2)
B_HI = aws(("messageStart", {"role": "assistant"}), ("contentBlockDelta", {"delta": TEXT}))
B_END = aws(("messageStop", {"stopReason": "end_turn"}))
C_HI: Any = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}}
C_END: Any = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
O_HI: Any = {"model": "m", "message": {"content": "hi"}, "done": False}
O_END: Any = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"}
T_HI: Any = {"token": {"id": 1, "text": "hi", "special": False}}
T_END: Any = {"token": {"id": 2, "text": "</s>", "special": True}, "generated_text": "hi"}
R_HI: Any = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hi"}
R_END: Any = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
A_HI: Any = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
A_STOP: Any = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
A_END: Any = {"type": "message_stop"}
WORKS: list[tuple[str, str, bytes]] = [
    ("gemini", "parts and contents that are null", sse(candidate(), {"candidates": [{"content": None}]}, G_HI, G_END)),
    ("gemini", "an index that is null", sse({"candidates": [{"index": None, "content": {"parts": [TEXT]}}]}, G_END)),
    ("gemini", "empty and unknown parts", sse(candidate({}, {"new": {}}, {"text": None}, TEXT), G_END)),
    ("gemini", "the mark of another wire", sse(G_HI, G_END, DONE)),
    ("gemini", "a byte order mark before an array", b"\xef\xbb\xbf" + msgspec.json.encode([G_HI, G_END])),
    ("gemini", "usage behind the finish", sse(G_HI, G_END, {"usageMetadata": {"promptTokenCount": 1}})),
    ("bedrock-converse", "no metadata", B_HI + B_END),
    ("bedrock-converse", "unknown events", aws(("initial-response", {}), ("new", {"a": 1})) + B_HI + B_END),
    ("bedrock-converse", "an unknown block", aws(("contentBlockStart", {"start": {"new": {}}})) + B_HI + B_END),
    ("bedrock-converse", "stopping twice", B_HI + B_END + B_END),
    ("cohere-chat", "unknown events", sse({"type": "debug", "prompt": "x"}, {"type": "new"}, C_HI, C_END)),
    ("cohere-chat", "deltas that are null", sse({"type": "content-delta", "delta": None}, C_HI, C_END, DONE)),
    ("cohere-chat", "an end without a reason", sse(C_HI, {"type": "message-end", "delta": None})),
    ("ollama-chat", "carriage returns and blank lines", lines(O_HI, O_END).replace(b"\n", b"\r\n\r\n")),
    ("ollama-chat", "a byte order mark", b"\xef\xbb\xbf" + lines(O_HI, O_END)),
    ("ollama-chat", "no last line end, and more", lines(O_HI, O_END, O_HI)[:-1]),
    ("ollama-chat", "what is null", lines({"message": None, "error": None}, O_HI, O_END)),
    ("tgi-generate", "the mark of another wire", sse(T_HI, T_END, DONE)),
    ("tgi-generate", "a token that is null", sse({"token": None}, T_HI, T_END)),
    ("openai-responses", "unknown events", sse({"type": "response.new", "a": 1}, R_HI, R_END, DONE)),
    ("openai-responses", "more behind the end", sse(R_HI, R_END, R_HI, R_END)),
    ("anthropic-messages", "unknown events", sse({"type": "new"}, A_HI, A_STOP, A_END, DONE)),
    ("anthropic-messages", "no reason", sse(A_HI, A_END)),
]
FAILS: list[tuple[str, str, bytes]] = [
    ("gemini", "an error", sse(G_HI, G_ERROR)),
    ("gemini", "an error in a list", sse(G_HI, [G_ERROR])),
    ("gemini", "an error that is a text", sse(G_HI, {"error": "boom"})),
    ("gemini", "an error on several lines", sse(G_HI) + PRETTY),
    ("gemini", "an error alone", PRETTY),
    ("gemini", "an error in an array", msgspec.json.encode([G_HI, G_ERROR])),
    ("gemini", "an error behind the finish", sse(G_HI, G_END, G_ERROR)),
    ("bedrock-converse", "an exception", B_HI + exception("throttlingException")),
    ("bedrock-converse", "an unknown exception", B_HI + exception("newException")),
    ("bedrock-converse", "an exception behind the stop", B_HI + B_END + exception("modelStreamErrorException")),
    (
        "bedrock-converse",
        "an error of the protocol",
        B_HI + encode_message({":message-type": "error", ":error-code": "x", ":error-message": "boom"}, b""),
    ),
    ("cohere-chat", "an end that is an error", sse(C_HI, {"type": "message-end", "delta": {"error": "boom"}})),
    ("cohere-chat", "an error event and a good end", sse(C_HI, {"type": "error", "message": "boom"}, C_END)),
    ("cohere-chat", "an error's body", sse(C_HI, {"id": "x", "message": "boom"})),
    ("cohere-chat", "an error of another wire", sse(C_HI, {"error": {"message": "boom"}}, DONE)),
    ("cohere-chat", "an error that is no event", sse(C_HI) + b'{"message":"boom"}'),
    ("ollama-chat", "an error", lines(O_HI, {"error": "boom"})),
    ("ollama-chat", "an error and a good end", lines(O_HI, {"error": {"message": "boom"}}, O_END)),
    ("tgi-generate", "an error", sse(T_HI, {"error": "boom", "error_type": "generation"}, T_END)),
    ("tgi-generate", "an error that is no event", sse(T_HI) + b'{"error":"boom"}'),
    ("openai-responses", "an error and a good end", sse(R_HI, {"type": "error", "message": "boom"}, R_END)),
    (
        "openai-responses",
        "a failure",
        sse(
            R_HI, {"type": "response.failed", "response": {"id": "r", "status": "failed", "error": {"message": "boom"}}}
        ),
    ),
    ("openai-responses", "an error of another wire", sse(R_HI, {"error": {"message": "boom"}}, DONE)),
    ("anthropic-messages", "an error", sse(A_HI, {"type": "error", "error": {"message": "boom"}}, A_END)),
    ("anthropic-messages", "an error behind the stop", sse(A_HI, A_STOP, {"type": "error", "error": "boom"})),
]
BREAKS: list[tuple[str, str, bytes]] = [
    *[(name, "nothing", b"") for name in (*READERS, "tgi-generate")],
    *[(name, "HTML", b"<html>\n<body>Bad gateway</body>\n</html>\n") for name in (*READERS, "tgi-generate")],
    ("gemini", "words alone", sse(G_HI)),
    ("gemini", "an array that is cut", msgspec.json.encode([G_HI, G_END])[:-20]),
    ("bedrock-converse", "words alone", B_HI),
    ("bedrock-converse", "a stop that is cut", (B_HI + B_END)[:-5]),
    ("cohere-chat", "the mark alone", sse(C_HI, DONE)),
    ("ollama-chat", "words alone", lines(O_HI)),
    ("ollama-chat", "a line that is cut", lines(O_HI, O_END)[:-9]),
    ("tgi-generate", "the mark alone", sse(T_HI, DONE)),
    ("openai-responses", "words and a mark", sse(R_HI, DONE)),
    ("anthropic-messages", "a reason alone", sse(A_HI, A_STOP)),
    ("anthropic-messages", "the mark of another wire", sse(A_HI, A_STOP, DONE)),
]


def both(provider: str, data: bytes) -> list[Heard]:
    """What two clients make of a stream, in one piece and in single bytes."""
    clients = [name for name in ("openai-chat", "anthropic-messages", "gemini") if name != provider][:2]
    source = chat_format(provider)
    return [
        heard_by(client, driven(reading(source, chat_format(client)), pieces))
        for client in clients
        for pieces in ([data], [data[at : at + 1] for at in range(len(data))] or [b""])
    ]


@pytest.mark.parametrize(("provider", "case", "data"), WORKS)
def test_odd_streams_of_all_wires_are_read(provider: str, case: str, data: bytes) -> None:
    for heard in both(provider, data):
        assert (heard.error, heard.text) == (None, "hi")
        assert heard.finish in ("stop", "end_turn", "STOP")


@pytest.mark.parametrize(("provider", "case", "data"), FAILS)
def test_errors_of_all_wires_are_told(provider: str, case: str, data: bytes) -> None:
    for heard in both(provider, data):
        assert heard.error is not None
        assert "boom" in str(heard.error)


@pytest.mark.parametrize(("provider", "case", "data"), BREAKS)
def test_cut_streams_of_all_wires_are_errors(provider: str, case: str, data: bytes) -> None:
    for heard in both(provider, data):
        assert heard.error is not None
