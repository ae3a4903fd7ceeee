"""What Converse refuses of a request. AWS's own client agrees on what is well-formed."""

from typing import Any

import pytest
from botocore.model import StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

from entresol.scripted.bedrock_checks import check_converse
from entresol.scripted.script import Refusal

from .asking import WEATHER_SCHEMA

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "x"}]}]
WEATHER = {"toolSpec": {"name": "get_weather", "description": "d", "inputSchema": {"json": WEATHER_SCHEMA}}}
FORMAT = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"string"}'}}}


def check(model: str = CLAUDE, **fields: Any) -> None:
    check_converse({"messages": MESSAGES, **fields}, model)


def by_aws(**fields: Any) -> str:
    shape = Session().get_service_model("bedrock-runtime").shape_for("ConverseRequest")
    assert isinstance(shape, StructureShape)
    return str(ParamValidator().validate({"modelId": CLAUDE, "messages": MESSAGES, **fields}, shape).generate_report())


GOOD: list[dict[str, Any]] = [
    {},
    {"system": [{"text": "s"}, {"cachePoint": {"type": "default"}}]},
    {"inferenceConfig": {"maxTokens": 1, "temperature": 0, "stopSequences": ["x"]}},
    {"toolConfig": {"tools": [WEATHER, {"cachePoint": {"type": "default"}}], "toolChoice": {"any": {}}}},
    {"toolConfig": {"tools": [WEATHER], "toolChoice": {"tool": {"name": "get_weather"}}}},
    {"outputConfig": {"textFormat": FORMAT, "effort": "low"}},
    {"requestMetadata": {"a": "b"}},
    {"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "standard"}},
    {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}},
    {"additionalModelResponseFieldPaths": ["/stop_sequence"]},
]


@pytest.mark.parametrize("fields", GOOD)
def test_a_good_request_is_taken(fields: dict[str, Any]) -> None:
    check(**fields)
    assert by_aws(**fields) == ""


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"novelty": 1}, "extraneous key"),
    ({"messages": [{"role": "user"}]}, "must not be null"),
    ({"messages": [{"role": "user", "content": "x"}]}, "is of type string"),
    ({"messages": [{"role": "user", "content": [{"text": "x", "cachePoint": {"type": "default"}}]}]}, "exactly one"),
    ({"messages": [{"role": "user", "content": [{}]}]}, "exactly one"),
    ({"messages": [{"role": "user", "content": [{"hologram": 1}]}]}, "extraneous key"),
    ({"system": [{"text": ""}]}, "greater than or equal"),
    ({"inferenceConfig": {"maxTokens": 0}}, "greater than or equal"),
    ({"inferenceConfig": {"maxTokens": "1"}}, "is of type string"),
    ({"toolConfig": {"tools": []}}, "greater than or equal"),
    ({"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}}, "must not be null"),
    ({"outputConfig": {"textFormat": {"type": "json_schema"}}}, "must not be null"),
]


@pytest.mark.parametrize(("fields", "why"), MALFORMED)
def test_a_malformed_request_is_refused_as_awss_client_does(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Refusal, match=f"(?i){why}"):
        check(**fields)
    assert by_aws(**fields) != ""


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"inferenceConfig": {"temperature": 2}}, "less than or equal"),
    ({"inferenceConfig": {"temperature": 0.5, "topP": 0.5}}, "cannot both be specified"),
    ({"toolConfig": {"tools": [WEATHER, WEATHER]}}, "must be unique"),
    ({"toolConfig": {"tools": [{"cachePoint": {"type": "default"}}]}}, "must not be a cachePoint"),
    ({"toolConfig": {"tools": [{"toolSpec": {**WEATHER["toolSpec"], "name": "a.b"}}]}}, "satisfy pattern"),
    ({"toolConfig": {"tools": [{"toolSpec": {**WEATHER["toolSpec"], "name": "a" * 65}}]}}, "less than or equal"),
    ({"toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]}}, "one of the following"),
    ({"toolConfig": {"tools": [WEATHER], "toolChoice": {"tool": {"name": "x"}}}}, "is not one of"),
    ({"requestMetadata": {"a": "{}"}}, "satisfy pattern"),
    ({"requestMetadata": {}}, "length between 1 and 16"),
    ({"serviceTier": {"type": "auto"}}, "must be"),
    ({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}},
     "not valid JSON"),
    ({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
        "schema": '{"anyOf":[{"type":"object"}]}'}}}}}, "additionalProperties"),
    ({"additionalModelRequestFields": {"seed": 1}}, "extraneous key"),
    ({"additionalModelRequestFields": 1}, "must be an object"),
    ({"additionalModelRequestFields": {"tool_choice": {"type": "auto"}}}, "Field required"),
    ({"additionalModelRequestFields": {"tool_choice": {"type": "auto"}},
      "toolConfig": {"tools": [WEATHER], "toolChoice": {"auto": {}}}}, "conflicts"),
    ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 10}}}, "between 1024"),
    ({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}, "top_k": 1}}, "must be unset"),
    ({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
      "toolConfig": {"tools": [WEATHER], "toolChoice": {"any": {}}}}, "forces tool use"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "why"), WRONG)
def test_what_the_service_refuses_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Refusal, match=f"(?i){why}"):
        check(**fields)


@pytest.mark.parametrize("body", [[], {}, None, "x"])
def test_a_body_without_messages_is_refused(body: object) -> None:
    with pytest.raises(Refusal):
        check_converse(body, CLAUDE)


def test_other_models_have_fields_of_their_own() -> None:
    check("amazon.nova-pro-v1:0", additionalModelRequestFields={"inferenceConfig": {"topK": 5}})
