import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import (
    NO_OPTIONS,
    ChatFormat,
    Losses,
    Options,
    Profile,
    decode_json,
)
from entresol.llm.registry import format_named
from entresol.llm.types import ChatRequest, Message, Reasoning, Text, Tool, ToolResult

PROFILE = Profile(provider="test")


def test_a_repeated_key_means_the_same_to_us_and_to_the_provider() -> None:
    openai = format_named("openai-chat")
    opened = openai.open(b'{"model":"expensive","messages":[1],"model":"cheap"}')
    assert opened.model == "cheap"
    assert openai.close(opened, "cheap", False, Options(), PROFILE) == b'{"model":"cheap","messages":[1]}'


@pytest.mark.parametrize("name", ["openai-chat", "openai-completions", "gemini"])
def test_a_body_that_we_wrote_and_nothing_changes_is_sent_as_it_is(name: str) -> None:
    body = b'{ "model":"m","messages":[1],"stream":false }'
    made = format_named(name)
    opened = made.open(body, "/v1beta/models/m:generateContent")
    opened.body = body
    assert made.close(opened, "m", False, NO_OPTIONS, PROFILE) is body


CHANGES: list[tuple[str, str, bool, Options, str, object]] = [
    ("openai-chat", "n", False, NO_OPTIONS, "model", "n"),
    ("openai-chat", "m", True, NO_OPTIONS, "stream_options", {"include_usage": True}),
    ("openai-completions", "m", True, NO_OPTIONS, "stream", True),
    ("openai-chat", "m", False, Options(max_tokens=5), "max_tokens", 5),
    ("anthropic-messages", "m", False, Options(temperature=0.5), "temperature", 0.5),
    ("gemini", "m", False, Options(top_k=3), "generationConfig", {"topK": 3}),
]


@pytest.mark.parametrize(("name", "model", "stream", "options", "field", "value"), CHANGES)
def test_whatever_changes_a_body_is_in_what_is_sent(
    name: str, model: str, stream: bool, options: Options, field: str, value: object
) -> None:
    body = b'{"model":"m"}'
    made = format_named(name)
    opened = made.open(body, "/v1beta/models/m:generateContent")
    opened.body = body
    assert decode_json(made.close(opened, model, stream, options, PROFILE))[field] == value


def request(**fields: object) -> ChatRequest:
    made = ChatRequest(origin="there", messages=[])
    return msgspec.structs.replace(made, **fields)


def losses(of: ChatRequest, name: str = "here", claimed: tuple[str, ...] = ("model",), **profile: object) -> list[str]:
    return Losses(of, name, frozenset(claimed), msgspec.structs.replace(PROFILE, **profile)).finish()


SET = {
    "model": "m", "tools": [Tool(name="f")], "tool_choice": 1, "parallel_tool_calls": False, "response_format": 1,
    "max_tokens": 0, "temperature": 0.0, "top_p": 0.0, "top_k": 0, "frequency_penalty": 0.0, "presence_penalty": 0.0,
    "logit_bias": {"1": 1.0}, "seed": 0, "n": 1, "stop": ["x"], "logprobs": False, "top_logprobs": 0,
    "reasoning": Reasoning(effort="low"), "modalities": ["text"], "service_tier": "flex", "user": "u",
    "metadata": {"a": "b"},
}  # fmt: skip
KEPT_BY_CONSTRUCTION = {"origin", "messages", "stream", "include_usage", "extra", "binding", "unread"}


def test_the_table_of_fields_is_complete() -> None:
    assert set(ChatRequest.__struct_fields__) == set(SET) | KEPT_BY_CONSTRUCTION


@pytest.mark.parametrize("name", SET)
def test_every_field_an_encoder_does_not_claim_is_reported(name: str) -> None:
    made = request(**{name: SET[name]})
    assert losses(made, claimed=()) == [name]
    assert losses(made, claimed=(name,)) == []


def test_a_claimed_field_that_the_provider_does_not_take_is_reported() -> None:
    assert losses(request(model="m"), unsupported=frozenset(("model",))) == ["model"]


def test_every_unknown_field_is_reported_once_where_it_stood() -> None:
    parts = [Text(text="a", extra={"p": 1}), Text(text="b", extra={"p": 2})]
    result = ToolResult(call_id="1", parts=[Text(text="x", extra={"q": 1})], extra={"r": 1})
    made = request(
        messages=[Message(role="user", parts=[*parts], extra={"m": 1}), Message(role="tool", parts=[result])],
        tools=[Tool(name="f", extra={"t": 1})],
        reasoning=Reasoning(extra={"z": 1}),
        extra={"top": 1},
    )
    assert losses(made, claimed=("tools", "reasoning")) == [
        "top", "reasoning.z", "tools[].t", "messages[].m", "messages[].content[].p",
        "messages[].tool_results[].r", "messages[].tool_results[].content[].q",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "own"),
    [
        ("gemini", "n", "generationConfig.candidateCount"),
        ("gemini", "reasoning.effort", "generationConfig.thinkingConfig.thinkingLevel"),
        ("gemini", "messages[].content[].image_url.detail", "contents[].parts[].image_url.detail"),
        ("gemini", "messages[].tool_results[].content[].x", "contents[].parts[].functionResponse.parts[].x"),
        ("anthropic-messages", "reasoning.type", "thinking.type"),
        ("anthropic-messages", "messages[].tool_calls[].caller", "messages[].content[].caller"),
        ("openai-chat", "messages[].tool_results[].x", "messages[].x"),
        ("openai-chat", "messages[].content[].x", "messages[].content[].x"),
        ("openai-chat", "metadata", "metadata"),
    ],
)
def test_a_loss_is_told_in_the_clients_own_words(name: str, path: str, own: str) -> None:
    found = format_named(name)
    assert isinstance(found, ChatFormat)
    assert found.own_path(path) == own


def test_unknown_fields_stay_in_the_format_they_came_from() -> None:
    made = request(extra={"top": 1}, binding=["top"])
    assert losses(made, "there") == []
    assert Losses(made, "there", frozenset(), PROFILE).own(made.extra) == {"top": 1}
    assert Losses(made, "here", frozenset(), PROFILE).own(made.extra) == {}


def test_a_field_that_decides_what_the_answer_is_is_refused_elsewhere() -> None:
    with pytest.raises(ClientError) as error:
        losses(request(extra={"audio": 1}, binding=["audio"]))
    assert (error.value.status, error.value.code) == (400, "unsupported_by_provider")
    assert "audio is not supported by provider test" in error.value.message
