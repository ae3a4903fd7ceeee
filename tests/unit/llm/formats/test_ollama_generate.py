import json
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Profile, StreamShape
from entresol.llm.formats.ollama_generate import OllamaGenerate
from entresol.llm.ollama_stream import OllamaStreamDecoder
from entresol.llm.registry import format_named
from entresol.llm.types import ChatRequest, Image, Message, Part, Role, Text, Thinking, Tool

GENERATE = OllamaGenerate()
PROFILE = Profile(provider="ollama")


def test_it_is_registered() -> None:
    assert isinstance(format_named("ollama-generate"), OllamaGenerate)
    assert (GENERATE.operation, GENERATE.prompt_field) == ("chat", "prompt")


def foreign(*turns: tuple[Role, list[Part]], **fields: Any) -> ChatRequest:
    messages = [Message(role=role, parts=parts) for role, parts in turns]
    return ChatRequest(origin="openai-chat", messages=messages, **fields)


def text(words: str) -> list[Part]:
    return [Text(text=words)]


def test_a_prompt_is_the_users_words() -> None:
    request = GENERATE.decode_request(b'{"model":"m","prompt":"Hi","system":"Be brief.","images":["iVBORw0KGgo="]}')
    assert request.messages == [
        Message(role="system", parts=[Text(text="Be brief.")]),
        Message(role="user", parts=[Image(data="iVBORw0KGgo=", media_type="image/png"), Text(text="Hi")]),
    ]
    assert request.stream


def test_a_request_is_written_as_it_was_read() -> None:
    wire = {"model": "m", "system": "s", "prompt": "p", "images": ["A"], "stream": False, "raw": True, "keep_alive": 5}
    encoded = GENERATE.encode_request(GENERATE.decode_request(json.dumps(wire).encode()), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == (wire, [])


@pytest.mark.parametrize(
    ("name", "value"), [("raw", True), ("template", "x"), ("context", [1]), ("suffix", "x"), ("width", 5)]
)
def test_what_goes_around_the_template_binds_a_request(name: str, value: object) -> None:
    assert GENERATE.decode_request(json.dumps({"prompt": "x", name: value}).encode()).binding == [name]


@pytest.mark.parametrize(("name", "value"), [("raw", False), ("template", ""), ("context", []), ("suffix", None)])
def test_what_is_empty_binds_nothing(name: str, value: object) -> None:
    request = GENERATE.decode_request(json.dumps({"prompt": "x", name: value, "keep_alive": 0}).encode())
    assert (request.binding, request.extra) == ([], {"keep_alive": 0})


def test_one_turn_is_a_prompt() -> None:
    encoded = GENERATE.encode_request(foreign(("system", text("s")), ("user", text("u"))), PROFILE)
    assert json.loads(encoded.body) == {"model": "", "system": "s", "prompt": "u", "stream": False}
    assert encoded.dropped == []


def test_system_words_alone_are_the_prompt() -> None:
    assert json.loads(GENERATE.encode_request(foreign(("system", text("s"))), PROFILE).body)["prompt"] == "s"


def test_what_moves_is_reported() -> None:
    late = GENERATE.encode_request(foreign(("user", text("u")), ("system", text("s"))), PROFILE)
    assert late.dropped == ["messages[].position"]
    parts: list[Part] = [Text(text="a"), Image(data="A"), Text(text="b")]
    between = GENERATE.encode_request(foreign(("user", parts)), PROFILE)
    assert (json.loads(between.body)["prompt"], between.dropped) == ("a\nb", ["messages[].position"])


@pytest.mark.parametrize(
    "request_",
    [
        foreign(("user", text("a")), ("assistant", text("b")), ("user", text("c"))),
        foreign(("assistant", text("b"))),
        foreign(("user", text("a")), tools=[Tool(name="f")]),
        foreign(("system", [Image(data="A")]), ("user", text("a"))),
        foreign(),
    ],
)
def test_a_conversation_is_refused(request_: ChatRequest) -> None:
    with pytest.raises(ClientError, match="not supported by provider ollama"):
        GENERATE.encode_request(request_, PROFILE)


def test_an_answer_is_at_the_top() -> None:
    wire = {"model": "m", "response": "a", "thinking": "hm", "image": "iVBORw0KGgo=", "done": True, "context": [1]}
    response = GENERATE.decode_response(json.dumps(wire).encode())
    assert response.choices[0].parts == [
        Thinking(text="hm"),
        Text(text="a"),
        Image(data="iVBORw0KGgo=", media_type="image/png"),
    ]
    assert response.extra == {"context": [1]}
    assert json.loads(GENERATE.encode_response(response).body)["context"] == [1]


@pytest.mark.parametrize("wrong", [b"{}", b'{"message":{"content":"x"}}', b'{"response":5}', b"[]", b"<html>"])
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        GENERATE.decode_response(wrong)


def test_streams_are_those_of_completions() -> None:
    assert isinstance(GENERATE.stream_decoder(), OllamaStreamDecoder)
    encoder = GENERATE.stream_encoder(StreamShape(model="m"))
    assert encoder.encode([]) == b""
