"""Streams as servers write them that are not quite their wire's own, and what the official clients make of them."""

from typing import Any

import msgspec
import pytest

from fidelity.classes import chat_format
from fidelity.sdk_readers import READERS, heard_by
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
