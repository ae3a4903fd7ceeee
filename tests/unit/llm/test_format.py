import msgspec
import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import (
    NO_OPTIONS,
    Losses,
    Options,
    Profile,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    read_field,
    read_fields,
)
from entresol.llm.registry import format_named
from entresol.llm.types import ChatRequest, Message, Reasoning, Text, Tool, ToolResult

DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BAD_JSON = "content-type header does not match request body, or bad JSON formatting"
PROFILE = Profile(provider="test")

REFUSED = [
    (b"", BAD_JSON),
    (b"not json", BAD_JSON),
    (b'{"model":"x"', BAD_JSON),
    (b"[]", BAD_JSON),
    (b'"text"', BAD_JSON),
    (b'{"a":1}{"b":2}', BAD_JSON),
    (b'{"\xff":1}', BAD_JSON),
    (DEEP, "the request body is nested too deeply"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_what_is_no_json_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ClientError) as error:
        read_fields(body)
    assert (error.value.status, error.value.code, error.value.message) == (400, "bad_json", message)


@pytest.mark.parametrize("body", [b"{", DEEP])
def test_typed_reading_refuses_the_same(body: bytes) -> None:
    with pytest.raises(ClientError) as client:
        decode_request_as(decode_json, body)
    with pytest.raises(UpstreamError) as upstream:
        decode_response_as(decode_json, body)
    assert (client.value.code, upstream.value.code) == ("bad_json", "provider_bad_response")


def test_untouched_values_keep_their_bytes() -> None:
    fields = read_fields(b'{ "a" : { "x" : 1.0e2, "y":"\\u00e9" } , "b":null}')
    assert encode_json(fields) == b'{"a":{ "x" : 1.0e2, "y":"\\u00e9" },"b":null}'


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


@pytest.mark.parametrize(("body", "name"), [(b'{"model":5}', "model"), (b'{"stream":"yes"}', "stream")])
def test_a_field_of_the_wrong_type_is_named(body: bytes, name: str) -> None:
    with pytest.raises(ClientError, match=f"^bad_request: {name}"):
        format_named("openai-chat").open(body)


def test_null_counts_as_missing() -> None:
    assert read_field(read_fields(b'{"model":null}'), "model", str) is None
    assert read_field({}, "stream", bool) is None


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
        "top", "reasoning.z", "tools[].t", "messages[].m", "messages[].content[].p", "messages[].content[].r",
        "messages[].content[].content[].q",
    ]  # fmt: skip


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
