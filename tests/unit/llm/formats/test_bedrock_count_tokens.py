import base64
from typing import Any

import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import NO_OPTIONS, Profile
from entresol.llm.formats.bedrock_count_tokens import BedrockCountTokens
from entresol.llm.registry import format_named
from entresol.llm.types import Text

FORMAT = BedrockCountTokens()
BEDROCK = Profile(provider="bedrock")
PATH = "/model/eu.anthropic.claude-x%3A0/count-tokens"
CONVERSE: Any = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
MESSAGES: Any = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}
VERSION: Any = {"anthropic_version": "bedrock-2023-05-31"}


def invoked(body: Any) -> Any:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return {"input": {"invokeModel": {"body": base64.b64encode(data).decode()}}}


def decoded(body: Any) -> Any:
    return FORMAT.decode_request(msgspec.json.encode(body), PATH)


def test_the_model_stands_in_the_path() -> None:
    opened = FORMAT.open(b'{"input":{}}', PATH)
    assert (opened.model, opened.stream) == ("eu.anthropic.claude-x:0", False)
    with pytest.raises(ClientError, match="converse is not supported: only count-tokens is"):
        FORMAT.open(b'{"input":{}}', "/model/x/converse")


def test_a_call_passes() -> None:
    body = b'{"input":{"converse":{"messages":[]}},"odd":1}'
    assert FORMAT.close(FORMAT.open(body, PATH), "another", False, NO_OPTIONS, BEDROCK) == body


def test_both_kinds_of_request_are_read() -> None:
    for body in ({"input": {"converse": CONVERSE}}, invoked({**VERSION, **MESSAGES, "anthropic_beta": ["x"]})):
        request = decoded(body)
        assert request.model == "eu.anthropic.claude-x:0"
        assert request.messages[0].parts == [Text(text="hello")]
        assert (request.extra, request.unread) == ({}, [])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": {"converse": CONVERSE, "invokeModel": {"body": ""}}}, "input"),
        ({"input": {"converse": 1}}, "converse"),
        ({"input": {"converse": {}}}, "messages"),
        ({"input": {"invokeModel": {}}}, "input.invokeModel.body"),
        ({"input": {"invokeModel": {"body": "%%%"}}}, "input.invokeModel.body"),
        ({"input": {"invokeModel": {"body": 7}}}, "input.invokeModel.body"),
        (invoked({"inputText": "hello"}), "input.invokeModel.body"),
        (invoked(VERSION), "messages"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: Any, where: str) -> None:
    with pytest.raises(ClientError) as caught:
        decoded(body)
    assert caught.value.code == "bad_request"
    assert caught.value.message.startswith(where)


def test_a_body_within_the_body_has_to_be_json() -> None:
    with pytest.raises(ClientError):
        decoded(invoked(b"hello"))


def test_requests_of_other_formats_become_what_anthropics_models_take() -> None:
    request = format_named("openai-input-tokens")
    body = b'{"model":"x","input":"hello","instructions":"Be brief."}'
    asked = request.decode_request(body)  # type: ignore[attr-defined]
    asked.model = "anthropic.claude-sonnet-4-5"
    encoded = FORMAT.encode_request(asked, BEDROCK)
    inner = msgspec.json.decode(base64.b64decode(msgspec.json.decode(encoded.body)["input"]["invokeModel"]["body"]))
    assert inner == {**VERSION, "system": "Be brief.", "max_tokens": 4096, "messages": MESSAGES["messages"]}
    assert encoded.dropped == []


def test_converse_stays_converse() -> None:
    body = {"input": {"converse": {**CONVERSE, "inferenceConfig": {"temperature": 0.5}}}}
    encoded = FORMAT.encode_request(decoded(body), BEDROCK)
    assert msgspec.json.decode(encoded.body) == {"input": {"converse": CONVERSE}}
    assert encoded.dropped == ["temperature"]


@pytest.mark.parametrize(
    ("body", "dropped"),
    [
        ({"input": {"converse": CONVERSE}, "odd": 1}, ["odd"]),
        ({"input": {"converse": CONVERSE, "odd": 1}}, ["input.odd"]),
        (invoked({**VERSION, **MESSAGES, "odd": 1}), ["odd"]),
    ],
)
def test_what_nobody_knows_is_reported(body: Any, dropped: list[str]) -> None:
    assert FORMAT.encode_request(decoded(body), BEDROCK).dropped == dropped
