import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Profile, StreamShape, encode_json
from entresol.llm.formats.ollama_chat import OllamaChat
from entresol.llm.ollama_stream import OllamaStreamDecoder, OllamaStreamEncoder
from entresol.llm.registry import format_named
from entresol.llm.types import ChatRequest, ChatResponse, Choice, Message, Part, Text, Thinking, ToolCall, Usage

CHAT = OllamaChat()
PROFILE = Profile(provider="ollama")


def test_it_is_registered() -> None:
    assert isinstance(format_named("ollama-chat"), OllamaChat)
    assert (CHAT.operation, CHAT.prompt_field) == ("chat", "messages")
    assert CHAT.stream_content_type == b"application/x-ndjson"


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields).encode()


def test_a_request_is_written_as_it_was_read() -> None:
    wire = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "options": {"temperature": 1, "num_ctx": 9},
        "format": "json",
        "think": "high",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "keep_alive": "5m",
    }
    encoded = CHAT.encode_request(CHAT.decode_request(json.dumps(wire).encode()), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == (wire, [])


def test_a_client_who_wants_no_stream_says_so() -> None:
    assert CHAT.decode_request(body()).stream
    assert not CHAT.decode_request(body(stream=False)).stream
    request = ChatRequest(origin="openai-chat", messages=[Message(role="user", parts=[Text(text="Hi")])])
    assert json.loads(CHAT.encode_request(request, PROFILE).body)["stream"] is False


def test_unknown_fields_are_kept_for_itself_and_reported_for_others() -> None:
    request = CHAT.decode_request(body(future=1, options={"later": 2}))
    assert request.extra == {"options.later": 2, "future": 1}
    request.origin = "other"
    assert CHAT.encode_request(request, PROFILE).dropped == ["options.later", "future"]


@pytest.mark.parametrize("wrong", [b"[]", b"{", b'{"messages":3}', b'{"messages":["x"]}', b'{"messages":[],"model":1}'])
def test_a_body_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        CHAT.decode_request(wrong)


def test_calls_without_ids_get_some_that_stay() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    wire = {"model": "m", "created_at": "t", "message": {"tool_calls": [call, call, {"id": "c"} | call]}, "done": True}
    parts = CHAT.decode_response(json.dumps(wire).encode()).choices[0].parts
    ids = [part.id for part in parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 3
    assert ids[2] == "c"
    again = CHAT.decode_response(json.dumps(wire).encode()).choices[0].parts
    assert again == parts


@pytest.mark.parametrize(
    "wrong", [b"[]", b"<html>", b"{}", b'{"message":"x"}', b'{"message":{"content":1}}', b'{"message":{']
)
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        CHAT.decode_response(wrong)


def test_streams_are_those_of_chats() -> None:
    assert isinstance(CHAT.stream_decoder(), OllamaStreamDecoder)
    encoder = CHAT.stream_encoder(StreamShape(model="m"))
    assert isinstance(encoder, OllamaStreamEncoder)


WORDS = st.text(min_size=1, max_size=8)
TURNS = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), WORDS), min_size=1, max_size=5)


@given(
    TURNS,
    st.none() | st.floats(0, 2),
    st.none() | st.integers(1, 9999),
    st.lists(WORDS, max_size=3),
    st.booleans(),
)
def test_what_is_encoded_is_decoded_again(
    turns: list[tuple[Any, str]], temperature: float | None, limit: int | None, stop: list[str], stream: bool
) -> None:
    request = ChatRequest(
        origin="ollama-chat",
        model="m",
        stream=stream,
        messages=[Message(role=role, parts=[Text(text=text)]) for role, text in turns],
        temperature=temperature,
        max_tokens=limit,
        stop=stop,
    )
    assert CHAT.decode_request(CHAT.encode_request(request, PROFILE).body) == request


CALLS = st.builds(
    ToolCall,
    id=WORDS.filter(lambda word: not word.startswith("ocall_")),
    name=WORDS,
    arguments=st.dictionaries(WORDS, st.integers()).map(lambda each: encode_json(each).decode()),
)


@given(
    st.none() | st.builds(Thinking, text=WORDS),
    st.none() | st.builds(Text, text=WORDS),
    st.lists(CALLS, max_size=3),
    st.sampled_from(["stop", "length", "content_filter", "pause"]),
    st.none() | st.builds(Usage, input=st.integers(0, 99), output=st.integers(0, 99)),
    st.integers(0, 2**32),
)
def test_what_is_answered_is_read_again(
    thinking: Thinking | None, text: Text | None, calls: list[ToolCall], reason: Any, usage: Usage | None, created: int
) -> None:
    parts: list[Part] = [part for part in (thinking, text) if part is not None]
    choice = Choice(parts=[*parts, *calls], finish_reason="tool_calls" if calls and reason == "stop" else reason)
    response = ChatResponse(origin="ollama-chat", model="m", created=created, usage=usage, choices=[choice])
    encoded = CHAT.encode_response(response)
    assert encoded.dropped == []
    assert CHAT.decode_response(encoded.body) == response
