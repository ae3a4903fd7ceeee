from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.gemini_config import read_config, write_config
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, Reasoning, ResponseFormat

NEW, OLD = "gemini-3.8-flash", "gemini-2.5-flash"


def read(config: dict[str, Any]) -> ChatRequest:
    request = ChatRequest(origin="gemini", messages=[])
    read_config(ObjectReader(config, "generationConfig", bad_request), request)
    return request


def write(request: ChatRequest) -> tuple[dict[str, Any], list[str]]:
    losses = Losses(request, "gemini", frozenset(ChatRequest.__struct_fields__), Profile(provider="gemini"))
    return write_config(request, losses), losses.finish()


def foreign(**fields: Any) -> ChatRequest:
    return ChatRequest(origin="another", messages=[], **{"model": NEW, **fields})


@pytest.mark.parametrize(
    "config",
    [
        {"temperature": 1.5, "topP": 0.5, "topK": 3, "candidateCount": 2, "maxOutputTokens": 5, "seed": 1},
        {"stopSequences": ["a"], "presencePenalty": 0.1, "frequencyPenalty": 0.2},
        {"responseLogprobs": True, "logprobs": 3},
        {"responseMimeType": "application/json"},
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        {"responseModalities": ["TEXT", "IMAGE"]},
        {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 5}},
        {"thinkingConfig": {"thinkingBudget": -1}},
        {"thinkingConfig": {"thinkingBudget": 0}},
        {"thinkingConfig": {"thinkingLevel": "XHIGH", "newKnob": 1}},
    ],
)
def test_what_a_client_wrote_is_written_back(config: dict[str, Any]) -> None:
    assert write(read(dict(config))) == (config, [])


def test_the_other_spelling_and_the_other_schema_mean_the_same() -> None:
    snake = read(
        {"max_output_tokens": 5, "response_mime_type": "application/json", "response_schema": {"type": "STRING"}}
    )
    assert snake.max_tokens == 5
    assert snake.response_format == ResponseFormat(type="json_schema", schema={"type": "string"})


def test_what_has_no_name_elsewhere_stays_under_its_own() -> None:
    assert read({"mediaResolution": "LOW", "responseMimeType": "text/x.enum"}).extra == {
        "generationConfig.mediaResolution": "LOW",
        "generationConfig.responseMimeType": "text/x.enum",
    }
    assert read({}) == ChatRequest(origin="gemini", messages=[])


@pytest.mark.parametrize(
    ("reasoning", "model", "config"),
    [
        (Reasoning(effort="low"), NEW, {"thinkingLevel": "LOW"}),
        (Reasoning(effort="max"), NEW, {"thinkingLevel": "HIGH"}),
        (Reasoning(effort="none"), NEW, {"thinkingLevel": "MINIMAL"}),
        (Reasoning(is_enabled=False), OLD, {"thinkingBudget": 0}),
        (Reasoning(effort="medium"), OLD, {"thinkingBudget": 8192}),
        (Reasoning(is_enabled=True, budget_tokens=99), NEW, {"includeThoughts": True, "thinkingBudget": 99}),
        (Reasoning(is_enabled=True), OLD, {"includeThoughts": True, "thinkingBudget": -1}),
        (Reasoning(is_enabled=True, include_thoughts=False), NEW, {"includeThoughts": False}),
    ],
)
def test_reasoning_of_other_formats_becomes_the_models_own(
    reasoning: Reasoning, model: str, config: dict[str, Any]
) -> None:
    assert write(foreign(reasoning=reasoning, model=model))[0] == {"thinkingConfig": config}


@pytest.mark.parametrize(
    ("reasoning", "model", "config", "lost"),
    [
        (Reasoning(effort="low", budget_tokens=5000), OLD, {"thinkingBudget": 5000}, "effort"),
        (Reasoning(effort="low", budget_tokens=5000), NEW, {"thinkingLevel": "LOW"}, "budget_tokens"),
        (Reasoning(is_enabled=False, effort="low"), OLD, {"thinkingBudget": 0}, "effort"),
    ],
)
def test_of_an_effort_and_a_budget_the_one_that_is_left_out_is_reported(
    reasoning: Reasoning, model: str, config: dict[str, Any], lost: str
) -> None:
    assert write(foreign(reasoning=reasoning, model=model)) == ({"thinkingConfig": config}, [f"reasoning.{lost}"])


def test_plain_text_needs_no_word_and_every_other_media_type_is_kept_however_it_is_spelled() -> None:
    assert read({"responseMimeType": "text/plain"}).extra == {}
    for name in ("responseMimeType", "response_mime_type"):
        assert read({name: "text/x.enum"}).extra == {"generationConfig.responseMimeType": "text/x.enum"}


def test_of_two_schemas_the_one_that_does_not_count_is_kept() -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": {}, "responseSchema": {"type": "STRING"}}
    assert read(config).extra == {"generationConfig.responseSchema": {"type": "STRING"}}


def test_names_of_schemas_are_reported_and_text_needs_no_word() -> None:
    wanted = ResponseFormat(type="json_schema", name="n", schema={"type": "object"}, strict=True)
    assert write(foreign(response_format=wanted)) == (
        {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ["response_format.json_schema.name"],
    )
    assert write(foreign(response_format=ResponseFormat(type="text"), modalities=["text"])) == ({}, [])


def test_more_stops_than_gemini_takes_are_refused() -> None:
    with pytest.raises(ClientError, match="5 stop sequences at most"):
        write(foreign(stop=["x"] * 6))
