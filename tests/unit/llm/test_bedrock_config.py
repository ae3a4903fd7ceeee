"""Converse's settings, read and written."""

import json
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Profile
from entresol.llm.formats.bedrock_converse import BedrockConverse
from entresol.llm.types import (
    ChatRequest,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)

FORMAT = BedrockConverse()
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
LATER = "anthropic.claude-opus-4-7-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
OTHER = "meta.llama3-70b-instruct-v1:0"


def read(**fields: Any) -> ChatRequest:
    body = {"messages": [{"role": "user", "content": [{"text": "x"}]}], **fields}
    return FORMAT.decode_request(json.dumps(body).encode(), "/model/m/converse")


def write(model: str = CLAUDE, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    messages = fields.pop("messages", [Message(role="user", parts=[Text(text="x")])])
    request = ChatRequest(origin="openai-chat", model=model, messages=messages, **fields)
    encoded = FORMAT.encode_request(request, Profile(provider="bedrock"))
    body = json.loads(encoded.body)
    del body["messages"]
    return body, encoded.dropped


def test_inference_settings_are_read() -> None:
    request = read(inferenceConfig={"maxTokens": 5, "temperature": 1, "topP": 0.5, "stopSequences": ["x"], "new": 1})
    assert (request.max_tokens, request.temperature, request.top_p, request.stop) == (5, 1, 0.5, ["x"])
    assert request.extra == {"inferenceConfig.new": 1}


def test_the_rest_is_read() -> None:
    request = read(
        serviceTier={"type": "flex"},
        requestMetadata={"a": "b"},
        additionalModelRequestFields={"top_k": 4, "thinking": {"type": "enabled", "budget_tokens": 2000}, "k": 1},
        performanceConfig={"latency": "optimized"},
    )
    assert (request.service_tier, request.metadata, request.top_k) == ("flex", {"a": "b"}, 4)
    assert request.reasoning == Reasoning(is_enabled=True, budget_tokens=2000)
    assert request.extra == {"additionalModelRequestFields.k": 1, "performanceConfig": {"latency": "optimized"}}


@pytest.mark.parametrize("own", [{"output_config": {"effort": "low"}}, None])
def test_an_effort_is_read_wherever_it_stands(own: dict[str, Any] | None) -> None:
    request = read(outputConfig={} if own else {"effort": "low"}, additionalModelRequestFields=own or {})
    assert request.reasoning == Reasoning(effort="low")
    assert request.extra == {}


def test_additional_fields_of_any_kind_are_kept() -> None:
    assert read(additionalModelRequestFields=[1]).extra == {"additionalModelRequestFields": [1]}
    fields = {"top_k": "many", "thinking": True}
    kept = {"additionalModelRequestFields.top_k": "many", "additionalModelRequestFields.thinking": True}
    assert read(additionalModelRequestFields=fields).extra == kept


def schema(text: str) -> dict[str, Any]:
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": text, "name": "n"}}}}


def test_a_schema_is_read_out_of_its_string() -> None:
    wanted = read(outputConfig=schema('{"type":"object"}')).response_format
    assert wanted == ResponseFormat(type="json_schema", schema={"type": "object"}, name="n")


@pytest.mark.parametrize(("text", "why"), [("{", "is not JSON"), ("[]", "the JSON of an object")])
def test_a_schema_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        read(outputConfig=schema(text))


def test_a_format_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ClientError, match="unknown format 'xml'"):
        read(outputConfig={"textFormat": {"type": "xml"}})


def test_settings_are_written() -> None:
    body, dropped = write(OTHER, max_tokens=5, temperature=0.5, top_p=0.9, stop=["x"], service_tier="priority")
    assert body == {
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]},
        "serviceTier": {"type": "priority"},
    }
    assert dropped == []


def test_claude_is_asked_which_stop_string_it_was() -> None:
    assert write(stop=["x"])[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]


def test_what_bedrock_refuses_is_bounded_and_reported() -> None:
    body, dropped = write(temperature=1.5, top_p=0.9, stop=["x", " "], service_tier="scale")
    assert body["inferenceConfig"] == {"temperature": 1.0, "stopSequences": ["x"]}
    assert dropped == ["top_p", "temperature", "stop", "service_tier"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 4}),
        ("mistral.mistral-large-2407-v1:0", {"top_k": 4}),
        ("cohere.command-r-v1:0", {"k": 4}),
        (NOVA, {"inferenceConfig": {"topK": 4}}),
    ],
)
def test_top_k_goes_where_the_model_has_it(model: str, fields: dict[str, Any]) -> None:
    body, dropped = write(model, top_k=4)
    assert body == {"additionalModelRequestFields": fields}
    assert dropped == []


def test_top_k_is_reported_where_the_model_has_none() -> None:
    assert write(OTHER, top_k=4) == ({}, ["top_k"])


@pytest.mark.parametrize(
    ("model", "reasoning", "fields", "dropped"),
    [
        (CLAUDE, Reasoning(effort="low"), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, []),
        (CLAUDE, Reasoning(budget_tokens=3000), {"thinking": {"type": "enabled", "budget_tokens": 3000}}, []),
        (CLAUDE, Reasoning(effort="none"), {"thinking": {"type": "disabled"}}, []),
        (LATER, Reasoning(effort="low"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, []),
        (NOVA, Reasoning(effort="xhigh"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, []),
        (NOVA, Reasoning(is_enabled=False), {"reasoningConfig": {"type": "disabled"}}, []),
        (NOVA, Reasoning(budget_tokens=3000), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
         ["reasoning.budget_tokens"]),
        ("openai.gpt-oss-20b-1:0", Reasoning(effort="minimal"), {"reasoning_effort": "low"}, []),
        (OTHER, Reasoning(effort="low"), None, ["reasoning.effort"]),
        (OTHER, Reasoning(is_enabled=True), None, ["reasoning"]),
        (OTHER, Reasoning(effort="none"), None, []),
    ],
)  # fmt: skip
def test_thinking_is_said_in_the_models_words(
    model: str, reasoning: Reasoning, fields: dict[str, Any] | None, dropped: list[str]
) -> None:
    body, lost = write(model, reasoning=reasoning)
    assert body.get("additionalModelRequestFields") == fields
    assert lost == dropped


def test_claude_does_not_think_where_it_cannot() -> None:
    forced: dict[str, Any] = {"tools": [Tool(name="f")], "tool_choice": ToolChoice(mode="required")}
    assert write(reasoning=Reasoning(effort="low"), **forced)[1] == ["reasoning.effort"]
    assert write(reasoning=Reasoning(is_enabled=True), max_tokens=500)[1] == ["reasoning"]
    loop = [
        Message(role="user", parts=[Text(text="x")]),
        Message(role="assistant", parts=[ToolCall(id="1", name="f")]),
    ]
    assert write(reasoning=Reasoning(is_enabled=True), messages=loop)[1] == ["reasoning"]
    loop[1].parts.insert(0, Thinking(text="h", signature="anthropic:s"))
    assert write(reasoning=Reasoning(is_enabled=True), messages=loop)[1] == []


def test_claude_takes_no_sampling_while_it_thinks() -> None:
    body, dropped = write(reasoning=Reasoning(effort="low"), temperature=0.5, top_p=0.5, top_k=5)
    assert "inferenceConfig" not in body
    assert dropped == ["temperature", "top_p", "top_k"]


def test_a_schema_goes_into_its_string() -> None:
    wanted = ResponseFormat(type="json_schema", schema={"type": "object"}, name="n", description="d", strict=False)
    body, dropped = write(response_format=wanted)
    inner = {"schema": '{"type":"object","additionalProperties":false}', "name": "n", "description": "d"}
    assert body["outputConfig"] == {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": inner}}}
    assert dropped == ["response_format.json_schema.strict"]
    assert write(response_format=ResponseFormat(type="json_object")) == ({}, ["response_format"])
    assert write(response_format=ResponseFormat(type="text")) == ({}, [])


def test_metadata_is_written_as_far_as_bedrock_takes_it() -> None:
    assert write(metadata={"a": "b"}) == ({"requestMetadata": {"a": "b"}}, [])
    assert write(metadata={"a": "b", "ü": "x", "c": "{}"}) == ({"requestMetadata": {"a": "b"}}, ["metadata"])
    many = {str(number): "x" for number in range(20)}
    body, dropped = write(metadata=many)
    assert len(body["requestMetadata"]) == 16
    assert dropped == ["metadata"]
