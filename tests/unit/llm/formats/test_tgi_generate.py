import json
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Profile, StreamShape
from entresol.llm.formats.tgi_generate import TgiGenerate
from entresol.llm.registry import format_named
from entresol.llm.tgi_stream import TgiStreamDecoder, TgiStreamEncoder
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    Image,
    Message,
    Native,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    Usage,
)

TGI = TgiGenerate()
PROFILE = Profile(provider="huggingface")


def test_it_is_registered() -> None:
    assert isinstance(format_named("tgi-generate"), TgiGenerate)
    assert (TGI.operation, TGI.prompt_field) == ("chat", "inputs")


def foreign(*turns: tuple[Role, str | list[Part]], **fields: Any) -> ChatRequest:
    messages = [Message(role=role, parts=[Text(text=said)] if isinstance(said, str) else said) for role, said in turns]
    return ChatRequest(origin="openai-chat", messages=messages, **fields)


def test_a_prompt_is_the_users_words() -> None:
    request = TGI.decode_request(b'{"inputs":"Hi","parameters":{"max_new_tokens":5},"later":1}', "/generate_stream")
    assert request.messages == [Message(role="user", parts=[Text(text="Hi")])]
    assert (request.stream, request.max_tokens, request.extra) == (True, 5, {"later": 1})


@pytest.mark.parametrize(
    "parameters",
    [{"return_full_text": True}, {"adapter_id": "x"}, {"grammar": {"type": "regex", "value": "x"}}],
)
def test_what_decides_the_answer_binds_a_request(parameters: dict[str, Any]) -> None:
    request = TGI.decode_request(json.dumps({"inputs": "x", "parameters": parameters}).encode())
    assert request.binding == [f"parameters.{name}" for name in parameters]
    own = json.loads(TGI.encode_request(request, PROFILE).body)
    assert own["parameters"] | parameters == own["parameters"]


@pytest.mark.parametrize("wrong", [b"[]", b"{", b"{}", b'{"inputs":["a"]}', b'{"inputs":"x","parameters":[]}'])
def test_a_body_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        TGI.decode_request(wrong)


def test_the_systems_words_come_first() -> None:
    encoded = TGI.encode_request(foreign(("system", "Be brief."), ("user", "Hi"), stream=True), PROFILE)
    assert json.loads(encoded.body) == {
        "inputs": "Be brief.\n\nHi",
        "parameters": {"details": True, "decoder_input_details": False},
        "stream": True,
    }
    assert encoded.dropped == ["messages[].position"]
    assert TGI.encode_request(foreign(("system", "Be brief.")), PROFILE).dropped == []


def test_what_only_its_own_clients_say_is_kept_for_them() -> None:
    request = TGI.decode_request(b'{"inputs":"x","later":1}')
    assert json.loads(TGI.encode_request(request, PROFILE).body)["later"] == 1
    request.origin = "other"
    request.messages[0].name = "n"
    assert TGI.encode_request(request, PROFILE).dropped == ["messages[].name", "later"]


def test_documents_of_words_are_words() -> None:
    parts: list[Part] = [Text(text="Read:", cache=CacheMark(), signature="s"), Document(text="words", name="n")]
    encoded = TGI.encode_request(foreign(("user", parts)), PROFILE)
    assert json.loads(encoded.body)["inputs"] == "Read:\nwords"
    assert encoded.dropped == [
        "messages[].content[].cache_control",
        "messages[].content[].signature",
        "messages[].content[].title",
    ]


@pytest.mark.parametrize(
    "request_",
    [
        foreign(("user", "a"), ("assistant", "b"), ("user", "c")),
        foreign(("assistant", "b")),
        foreign(("user", [Image(data="A")])),
        foreign(("user", "a"), tools=[Tool(name="f")]),
        foreign(),
    ],
)
def test_what_is_no_prompt_is_refused_with_the_way_out(request_: ChatRequest) -> None:
    with pytest.raises(ClientError, match=r"/v1/chat/completions"):
        TGI.encode_request(request_, PROFILE)


@pytest.mark.parametrize("fields", [{"n": 2}, {"modalities": ["image"]}])
def test_what_would_change_the_answer_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not supported by provider huggingface"):
        TGI.encode_request(foreign(("user", "a"), **fields), PROFILE)


def test_an_answer_may_be_a_list_of_one() -> None:
    wire = {
        "generated_text": "a",
        "details": {
            "finish_reason": "stop_sequence",
            "generated_tokens": 2,
            "seed": 5,
            "prefill": [{"id": 1, "text": "x", "logprob": None}],
            "tokens": [{"id": 1, "text": "a", "logprob": -1, "special": False}],
            "best_of_sequences": None,
        },
    }
    one, listed = TGI.decode_response(json.dumps(wire).encode()), TGI.decode_response(json.dumps([wire]).encode())
    assert one == listed
    choice = one.choices[0]
    assert (choice.parts, choice.finish_reason, choice.extra) == ([Text(text="a")], "stop_sequence", {"seed": 5})
    assert (one.usage, choice.logprobs) == (Usage(input=1, output=2), None)


def test_alternatives_are_log_probabilities() -> None:
    token = {"id": 1, "text": "a", "logprob": -1, "special": False}
    wire = {"generated_text": "aa", "details": {"tokens": [token, token], "top_tokens": [[token]]}}
    logprobs = TGI.decode_response(json.dumps(wire).encode()).choices[0].logprobs
    assert logprobs is not None
    entry = {"token": "a", "logprob": -1, "bytes": [97]}
    assert logprobs["content"] == [entry | {"top_logprobs": [entry]}, entry | {"top_logprobs": []}]
    wire["details"] = {"tokens": ["a"], "top_tokens": [[token]]}
    with pytest.raises(UpstreamError, match=r"details\.tokens"):
        TGI.decode_response(json.dumps(wire).encode())


@pytest.mark.parametrize(
    "wrong", [b"{}", b"[]", b"[5]", b"5", b"<html>", b'{"generated_text":5}', b'{"generated_text":']
)
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        TGI.decode_response(wrong)


def test_an_answer_is_written_with_its_details() -> None:
    parts: list[Part] = [
        Thinking(text="hm"),
        Text(text="a", signature="s", extra={"citations": []}),
        Refusal(text="b"),
        Native(type="server_tool_use", value={}),
    ]
    choice = Choice(parts=parts, finish_reason="refusal", logprobs={}, stop_sequence="END", extra={"x": 1})
    response = ChatResponse(
        origin="openai-chat", choices=[choice, Choice(index=1)], usage=Usage(input=3, output=4), service_tier="flex"
    )
    encoded = TGI.encode_response(response)
    assert json.loads(encoded.body) == {
        "generated_text": "ab",
        "details": {"finish_reason": "eos_token", "generated_tokens": 4, "seed": None, "prefill": [], "tokens": []},
    }
    assert encoded.dropped == [
        "choices[1:]", "thinking", "signature", "citations", "server_tool_use", "logprobs", "finish_reason",
        "stop_sequence", "service_tier", "x",
    ]  # fmt: skip
    with pytest.raises(UpstreamError, match="no answer"):
        TGI.encode_response(ChatResponse(origin="openai-chat"))


def test_its_streams_are_server_sent_events() -> None:
    assert isinstance(TGI.stream_decoder(), TgiStreamDecoder)
    assert isinstance(TGI.stream_encoder(StreamShape(model="m")), TgiStreamEncoder)
    assert TGI.stream_content_type == b"text/event-stream"
