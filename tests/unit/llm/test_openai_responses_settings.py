import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_responses_settings import read_settings, write_settings
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, Reasoning, ResponseFormat


def read(**fields: object) -> ChatRequest:
    request = ChatRequest(origin="openai-responses", messages=[])
    read_settings(ObjectReader(fields, "", bad_request), request)
    return request


def written(request: ChatRequest) -> tuple[JsonObject, list[str]]:
    wire: JsonObject = {}
    losses = Losses(request, "openai-responses", frozenset(("reasoning", "n")), Profile(provider="openai"))
    write_settings(request, wire, losses)
    return wire, losses.finish()


def test_what_every_provider_does_is_met() -> None:
    request = read(store=False, background=False, truncation="disabled", include=["reasoning.encrypted_content"])
    assert (request.extra, request.binding) == ({}, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"background": True},
        {"moderation": {"model": "m"}},
    ],
)
def test_what_decides_the_answer_binds(fields: JsonObject) -> None:
    assert read(**fields).binding == list(fields)


def test_what_can_be_left_out_is_kept_to_be_told() -> None:
    request = read(
        store=True, truncation="auto", include=["web_search_call.results"], text={"verbosity": "low"},
        stream_options={"include_obfuscation": True}, context_management=[{"type": "compaction"}],
    )  # fmt: skip
    assert request.extra == {
        "store": True,
        "truncation": "auto",
        "include": ["web_search_call.results"],
        "text.verbosity": "low",
        "stream_options.include_obfuscation": True,
        "context_management": [{"type": "compaction"}],
    }
    assert request.binding == []


def test_shared_settings_have_their_canonical_names() -> None:
    request = read(
        max_output_tokens=9, temperature=0.5, top_p=0.9, parallel_tool_calls=False, service_tier="flex",
        safety_identifier="u", metadata={"a": "b"}, include=["message.output_text.logprobs"],
        text={"format": {"type": "json_object"}},
    )  # fmt: skip
    assert (request.max_tokens, request.temperature, request.top_p) == (9, 0.5, 0.9)
    assert (request.parallel_tool_calls, request.service_tier, request.user) == (False, "flex", "u")
    assert (request.metadata, request.logprobs) == ({"a": "b"}, True)
    assert request.response_format == ResponseFormat(type="json_object")
    assert request.extra == {}


@pytest.mark.parametrize(
    ("wire", "reasoning"),
    [
        ({"effort": "low"}, Reasoning(effort="low")),
        ({"effort": "low", "summary": "auto"}, Reasoning(effort="low", include_thoughts=True)),
        ({"summary": "detailed"}, Reasoning(include_thoughts=True, extra={"summary": "detailed"})),
        ({"generate_summary": "auto"}, Reasoning(include_thoughts=True)),
        ({"effort": None, "summary": None}, None),
        ({"mode": "pro"}, Reasoning(extra={"mode": "pro"})),
    ],
)
def test_reasoning_is_read(wire: JsonObject, reasoning: Reasoning | None) -> None:
    assert read(reasoning=wire).reasoning == reasoning


@pytest.mark.parametrize(
    ("reasoning", "wire", "dropped"),
    [
        (Reasoning(effort="high", include_thoughts=True), {"effort": "high", "summary": "auto"}, []),
        (Reasoning(is_enabled=True, budget_tokens=1024), {"effort": "low"}, []),
        (Reasoning(budget_tokens=9000), {"effort": "high"}, []),
        (Reasoning(budget_tokens=0), {"effort": "none"}, []),
        (Reasoning(is_enabled=False, effort="low"), {"effort": "none"}, ["reasoning.effort"]),
        (Reasoning(effort="low", budget_tokens=9), {"effort": "low"}, ["reasoning.budget_tokens"]),
        (Reasoning(is_enabled=True), None, ["reasoning"]),
    ],
)
def test_reasoning_is_written(reasoning: Reasoning, wire: JsonObject | None, dropped: list[str]) -> None:
    request = ChatRequest(origin="anthropic-messages", messages=[], reasoning=reasoning)
    body, told = written(request)
    assert (body.get("reasoning"), told) == (wire, dropped)


@pytest.mark.parametrize(("field", "value"), [("n", 2), ("modalities", ["text", "audio"]), ("stop", ["END"])])
def test_what_would_change_the_answer_is_refused(field: str, value: object) -> None:
    request = ChatRequest(origin="openai-chat", messages=[])
    setattr(request, field, value)
    with pytest.raises(ClientError, match=field) as caught:
        written(request)
    assert caught.value.code == "unsupported_by_provider"


def test_own_settings_come_back_where_they_stood() -> None:
    request = read(include=["message.output_text.logprobs", "x"], text={"verbosity": "low"}, truncation="auto")
    body, _ = written(request)
    assert body == {
        "include": ["message.output_text.logprobs", "x"],
        "text": {"verbosity": "low"},
        "truncation": "auto",
    }


@pytest.mark.parametrize("fields", [{"max_output_tokens": "9"}, {"metadata": {"a": 1}}, {"reasoning": "high"}])
def test_a_setting_of_the_wrong_kind_is_refused(fields: JsonObject) -> None:
    with pytest.raises(ClientError) as caught:
        read(**fields)
    assert caught.value.code == "bad_request"
