import json
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Options, Profile
from entresol.llm.formats.openai_completions import OpenAICompletions
from entresol.llm.registry import format_named
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    ResponseFormat,
    Text,
    Tool,
    Usage,
)

FORMAT = OpenAICompletions()
PROFILE = Profile(provider="openai")


@pytest.mark.parametrize("stream", [True, False])
def test_only_the_operators_options_and_usage_are_added(stream: bool) -> None:
    wire = {"model": "m", "prompt": ["a"], "logit_bias": {"1": 5}, "x": None, "stream": stream}
    opened = FORMAT.open(json.dumps(wire).encode())
    body = json.loads(FORMAT.close(opened, "m", stream, Options(max_tokens=3), PROFILE))
    extra = {"stream_options": {"include_usage": True}} if stream else {}
    assert body == wire | {"max_tokens": 3} | extra


def test_a_stream_is_read_along() -> None:
    stream = (
        b'data: {"id":"c","model":"m","choices":[{"text":"a","finish_reason":"length"}]}\n\n'
        b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
    )
    facts = FORMAT.stream_facts(stream, None)
    assert (facts.finish_reason, facts.usage, facts.is_complete) == ("length", Usage(input=2, output=1), True)


def test_a_client_that_did_not_ask_for_usage_does_not_see_it() -> None:
    assert FORMAT.stream_filter(FORMAT.open(b'{"prompt":"x","stream":true}')) is not None


def foreign(**fields: Any) -> ChatRequest:
    return ChatRequest(origin="openai-chat", messages=[Message(role="user", parts=[Text(text="Hi")])], **fields)


def test_it_is_a_chat_of_one_turn() -> None:
    assert isinstance(format_named("openai-completions"), OpenAICompletions)
    body = {"model": "m", "prompt": "Hi", "logprobs": 2, "stop": "END", "max_tokens": 5, "best_of": 2, "echo": False}
    request = FORMAT.decode_request(json.dumps(body).encode())
    assert request.messages == [Message(role="user", parts=[Text(text="Hi")])]
    assert (request.logprobs, request.top_logprobs, request.stop, request.max_tokens) == (True, 2, ["END"], 5)
    assert (request.extra, request.binding) == ({"best_of": 2}, [])


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1], [2]], [""] * 2])
def test_many_prompts_and_tokens_are_this_formats_own(prompt: list[Any]) -> None:
    request = FORMAT.decode_request(json.dumps({"model": "m", "prompt": prompt}).encode())
    assert json.loads(FORMAT.encode_request(request, PROFILE).body)["prompt"] == prompt
    with pytest.raises(ClientError, match="list of prompts"):
        format_named("openai-chat").encode_request(request, PROFILE)  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", [{"suffix": "x"}, {"echo": True}])
def test_what_goes_around_a_prompt_binds_it(field: dict[str, Any]) -> None:
    request = FORMAT.decode_request(json.dumps({"prompt": "x"} | field).encode())
    assert request.binding == list(field)
    assert json.loads(FORMAT.encode_request(request, PROFILE).body).items() >= field.items()


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"prompt":5}', b'{"prompt":"x","max_tokens":"5"}', b"{"])
def test_what_is_no_prompt_is_refused(body: bytes) -> None:
    with pytest.raises(ClientError):
        FORMAT.decode_request(body)


def test_a_limit_is_said_because_its_own_is_sixteen() -> None:
    body = json.loads(FORMAT.encode_request(foreign(), PROFILE).body)
    assert body == {"model": "", "prompt": "Hi", "max_tokens": PROFILE.default_max_tokens}


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [Tool(name="f")]},
        {"modalities": ["audio"]},
        {"response_format": ResponseFormat(type="json_object")},
    ],
)
def test_what_changes_the_answer_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="is not supported by provider openai"):
        FORMAT.encode_request(foreign(**fields), PROFILE)


def test_an_answer_survives_being_written() -> None:
    choices = [Choice(index=1, parts=[Text(text="a")], finish_reason="length")]
    usage = Usage(input=2, output=3)
    answer = ChatResponse(origin=FORMAT.name, id="c", model="m", created=5, choices=choices, usage=usage)
    assert FORMAT.decode_response(FORMAT.encode_response(answer).body) == answer


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{", b'{"choices":[{"text":5}]}'])
def test_what_is_no_answer_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.decode_response(body)
