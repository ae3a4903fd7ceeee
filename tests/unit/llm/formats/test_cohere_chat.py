import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.cohere_stream import CohereStreamDecoder
from entresol.llm.cohere_stream_encoder import CohereStreamEncoder
from entresol.llm.format import Options, Profile, StreamShape
from entresol.llm.formats.cohere_chat import CohereChat
from entresol.llm.registry import format_named
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

CHAT = CohereChat()
PROFILE = Profile(provider="cohere")


def test_it_is_registered() -> None:
    assert isinstance(format_named("cohere-chat"), CohereChat)
    assert (CHAT.operation, CHAT.prompt_field, CHAT.stream_content_type) == ("chat", "messages", b"text/event-stream")


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields).encode()


def test_a_request_is_written_as_it_was_read() -> None:
    wire = {
        "model": "command-a-03-2025",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ],
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "safety_mode": "STRICT",
        "citation_options": {"mode": "FAST"},
        "priority": 2,
    }
    encoded = CHAT.encode_request(CHAT.decode_request(json.dumps(wire).encode()), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == (wire, [])


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_an_operators_options_go_by_coheres_names() -> None:
    options = Options(max_tokens=9, temperature=0.5, top_p=0.9, top_k=3)
    opened = CHAT.open(body(k=1, future=[1]))
    closed = json.loads(CHAT.close(opened, "other", True, options, PROFILE))
    assert {name: closed[name] for name in ("model", "stream", "max_tokens", "temperature", "p", "k", "future")} == {
        "model": "other",
        "stream": True,
        "max_tokens": 9,
        "temperature": 0.5,
        "p": 0.9,
        "k": 3,
        "future": [1],
    }


def test_unknown_fields_are_kept_for_itself_and_reported_for_others() -> None:
    request = CHAT.decode_request(body(future=1))
    assert request.extra == {"future": 1}
    request.origin = "other"
    assert CHAT.encode_request(request, PROFILE).dropped == ["future"]


@pytest.mark.parametrize("name", ["prompt", "message"])
def test_a_prompt_and_messages_are_not_taken_together(name: str) -> None:
    with pytest.raises(ClientError, match="cannot stand beside messages") as raised:
        CHAT.decode_request(body(**{name: "Hi"}))
    assert raised.value.status == 400


@pytest.mark.parametrize(("name", "own"), [("top_p", "p"), ("top_k", "k"), ("stop", "stop_sequences")])
def test_other_apis_words_are_refused_with_coheres_own(name: str, own: str) -> None:
    with pytest.raises(ClientError, match=f"{name}: is called {own}"):
        CHAT.decode_request(body(**{name: 1}))


@pytest.mark.parametrize(
    "wrong", [b"[]", b"{", b"{}", b'{"messages":3}', b'{"messages":["x"]}', b'{"messages":[],"model":1}', b"\xff"]
)
def test_a_body_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        CHAT.decode_request(wrong)


@pytest.mark.parametrize(
    "wrong",
    [b"[]", b"<html>", b"{}", b'{"message":"x"}', b'{"message":{"content":1}}', b"{"],
)
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        CHAT.decode_response(wrong)


def test_documents_without_a_user_cannot_become_anything_else() -> None:
    request = CHAT.decode_request(body(messages=[{"role": "system", "content": "x"}], documents=["d"]))
    assert request.binding == ["documents"]
    assert json.loads(CHAT.encode_request(request, PROFILE).body)["documents"] == ["d"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "COMPLETE"), ("tool_calls", "TOOL_CALL"), ("length", "MAX_TOKENS"), ("content_filter", "ERROR_TOXIC")],
)
def test_reasons_are_told_in_coheres_words(reason: Any, finish: str) -> None:
    response = ChatResponse(origin="other", id="i", choices=[Choice(finish_reason=reason)])
    wire = json.loads(CHAT.encode_response(response).body)
    assert (wire["finish_reason"], wire["message"], wire["id"]) == (finish, {"role": "assistant"}, "i")


def test_what_an_answer_cannot_say_is_told() -> None:
    parts: list[Part] = [Text(text="a", signature="s"), Image(data="QQ=="), Refusal(text="no")]
    choice = Choice(parts=parts, finish_reason="stop", stop_sequence="X", extra={"own": 1})
    response = ChatResponse(origin="other", choices=[choice, Choice()], service_tier="flex", extra={"beside": 1})
    encoded = CHAT.encode_response(response)
    assert json.loads(encoded.body)["finish_reason"] == "ERROR_TOXIC"
    assert encoded.dropped == ["choices[1:]", "signature", "image", "stop_sequence", "service_tier", "own", "beside"]
    with pytest.raises(UpstreamError):
        CHAT.encode_response(ChatResponse(origin="other"))


def test_streams_are_coheres() -> None:
    assert isinstance(CHAT.stream_decoder(), CohereStreamDecoder)
    assert isinstance(CHAT.stream_encoder(StreamShape(model="m")), CohereStreamEncoder)


WORDS = st.text(min_size=1, max_size=8)
TEXTS = st.builds(Text, text=WORDS)
USERS = st.lists(
    TEXTS | st.builds(Image, url=st.just("https://x/a.png"), detail=st.sampled_from([None, "low"])), min_size=1
)
CALLS = st.builds(ToolCall, id=WORDS, name=WORDS, arguments=st.just('{"a":1}'))
SAID = st.tuples(
    st.lists(st.builds(Thinking, text=WORDS), max_size=1), st.lists(TEXTS, min_size=1, max_size=2), st.lists(CALLS)
)
RESULTS = st.lists(
    st.builds(ToolResult, call_id=WORDS, parts=st.lists(TEXTS | st.builds(Document, text=WORDS), min_size=1)),
    min_size=1,
)
TURNS = st.lists(
    USERS.map(lambda parts: Message(role="user", parts=[*parts]))
    | TEXTS.map(lambda text: Message(role="system", parts=[text]))
    | SAID.map(lambda said: Message(role="assistant", parts=[*said[0], *said[1], *said[2]])),
    min_size=1,
    max_size=4,
)


@given(
    TURNS,
    st.none() | RESULTS,
    st.none() | st.floats(0, 1),
    st.none() | st.integers(1, 9999),
    st.lists(WORDS, max_size=3),
    st.none() | st.builds(Reasoning, is_enabled=st.booleans(), budget_tokens=st.none() | st.integers(1, 99)),
)
def test_what_is_encoded_is_decoded_again(
    turns: list[Message],
    results: list[Part] | None,
    temperature: float | None,
    limit: int | None,
    stop: list[str],
    reasoning: Reasoning | None,
) -> None:
    request = ChatRequest(
        origin="cohere-chat",
        model="m",
        stream=bool(stop),
        messages=turns if results is None else [*turns, Message(role="tool", parts=results)],
        temperature=temperature,
        top_p=temperature,
        max_tokens=limit,
        stop=stop,
        reasoning=reasoning,
        tools=[Tool(name=word, parameters={"type": "object"}, strict=True) for word in stop],
    )
    assert CHAT.decode_request(CHAT.encode_request(request, PROFILE).body) == request


@given(st.lists(TEXTS, max_size=1), st.lists(CALLS, max_size=3), st.integers(0, 99), st.integers(0, 99))
def test_answers_come_back(texts: list[Part], calls: list[Part], read: int, cached: int) -> None:
    choice = Choice(parts=[*texts, *calls], finish_reason="tool_calls" if calls else "stop", extra={"citations": [{}]})
    usage = Usage(input=read, cache_read=cached, output=3)
    response = ChatResponse(origin="cohere-chat", id="i", choices=[choice], usage=usage, extra={"future": 1})
    assert CHAT.decode_response(CHAT.encode_response(response).body) == response
