import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Options, Profile
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    ChatResponse,
    Choice,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

FORMAT = AnthropicMessages()
ANTHROPIC = Profile(provider="anthropic")
NEW_VERSION = Profile(provider="anthropic", unsupported=frozenset(("temperature", "top_p", "top_k")))
GOLDEN = Path(__file__).parents[3] / "golden" / "anthropic_messages"

MESSAGES = [{"role": "user", "content": "x"}]
TOOL = {"name": "f", "input_schema": {"type": "object"}}
FIELDS: dict[str, tuple[object, str]] = {
    "cache_control": ({"type": "ephemeral"}, "dropped"),
    "container": ("c", "refused"),
    "diagnostics": ({"previous_message_id": "m"}, "dropped"),
    "inference_geo": ("eu", "dropped"),
    "max_tokens": (5, "mapped"),
    "messages": (MESSAGES, "mapped"),
    "metadata": ({"user_id": "u"}, "mapped"),
    "model": ("m", "mapped"),
    "output_config": ({"effort": "low"}, "mapped"),
    "service_tier": ("standard_only", "mapped"),
    "speed": ("fast", "dropped"),
    "stop_sequences": (["x"], "mapped"),
    "stream": (True, "mapped"),
    "system": ("s", "mapped"),
    "temperature": (0.5, "mapped"),
    "thinking": ({"type": "disabled"}, "mapped"),
    "tool_choice": ({"type": "auto"}, "mapped"),
    "tools": ([TOOL], "mapped"),
    "top_k": (5, "mapped"),
    "top_p": (0.5, "mapped"),
    "user_profile_id": ("p", "dropped"),
    "workspace_id": ("w", "dropped"),
}
"""Every field of both API versions, and what becomes of it on the way to another format."""


def decode(wire: object) -> ChatRequest:
    return FORMAT.decode_request(json.dumps(wire).encode())


def encode(request: ChatRequest, profile: Profile = ANTHROPIC) -> dict[str, Any]:
    wire = json.loads(FORMAT.encode_request(request, profile).body)
    assert isinstance(wire, dict)
    return wire


USER_TURN = Message(role="user", parts=[Text(text="x")])


def asked(*parts: Part, **fields: Any) -> ChatRequest:
    """A request of a client that speaks another format."""
    messages = fields.pop("messages", [Message(role="user", parts=list(parts) or [Text(text="x")])])
    return ChatRequest(origin="some-client-format", messages=messages, **fields)


def dropped(request: ChatRequest, profile: Profile = ANTHROPIC) -> list[str]:
    return FORMAT.encode_request(request, profile).dropped


def test_the_table_knows_every_field_of_the_official_client() -> None:
    assert set(MessageCreateParamsBase.__annotations__) - set(FIELDS) == set()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_mapped_reported_or_refused(name: str) -> None:
    value, outcome = FIELDS[name]
    bare, request = decode({"messages": MESSAGES}), decode({"messages": MESSAGES, name: value})
    changed = {field for field in request.__struct_fields__ if getattr(request, field) != getattr(bare, field)}
    assert changed or name == "messages", "the field left no trace"
    request.origin = "some-client-format"
    if outcome == "refused":
        with pytest.raises(ClientError, match="is not supported by provider anthropic"):
            FORMAT.encode_request(request, ANTHROPIC)
        return
    assert [path.partition(".")[0] for path in dropped(request)] == ([name] if outcome == "dropped" else [])


@pytest.mark.parametrize(
    "path", sorted(p for p in GOLDEN.glob("*.json") if p.name.count(".") == 1), ids=lambda p: p.stem
)
def test_a_request_written_back_says_the_same(path: Path) -> None:
    request = FORMAT.decode_request(path.read_bytes())
    foreign_thoughts = "gemini:" in path.read_text()
    encoded = FORMAT.encode_request(request, ANTHROPIC)
    assert encoded.dropped == (["messages[].content[].thinking"] if foreign_thoughts else [])
    again = FORMAT.decode_request(encoded.body)
    if not foreign_thoughts and path.stem != "consecutive_turns":  # turns of one role are one turn to Anthropic
        assert again == request


# What the format can express survives: decode(encode(x)) = x.

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
CACHES = st.none() | st.builds(CacheMark, st.none() | st.sampled_from(["5m", "1h"]))
TEXTS = st.builds(Text, text=WORDS, cache=CACHES)
IMAGES = st.builds(Image, data=st.just("AA"), media_type=st.just("image/png"), cache=CACHES) | st.builds(
    Image, url=st.just("https://x/y.png")
)
DOCUMENTS = st.builds(Document, data=st.just("AA"), media_type=st.just("application/pdf"), name=WORDS, cache=CACHES)
CALLS = st.builds(ToolCall, id=WORDS, name=WORDS, arguments=st.just('{"a":1}'), cache=CACHES)
THOUGHTS = st.builds(Thinking, text=WORDS, signature=WORDS.map(lambda word: f"anthropic:{word}")) | st.builds(
    Thinking, redacted=WORDS.map(lambda word: f"anthropic:{word}")
)
RESULTS = st.builds(
    ToolResult, call_id=WORDS, parts=st.lists(TEXTS | IMAGES, max_size=2), is_error=st.booleans(), cache=CACHES
)
USER = st.builds(Message, role=st.just("user"), parts=st.lists(TEXTS | IMAGES | DOCUMENTS, min_size=1, max_size=3))
ASSISTANT = st.builds(
    Message, role=st.just("assistant"), parts=st.lists(TEXTS | CALLS | THOUGHTS, min_size=1, max_size=3)
)
RESULT = st.builds(Message, role=st.just("tool"), parts=st.lists(RESULTS, min_size=1, max_size=2))
SYSTEM = st.builds(Message, role=st.just("system"), parts=st.lists(TEXTS, min_size=1, max_size=2))
TURNS = st.lists(st.tuples(USER, ASSISTANT, RESULT, ASSISTANT), min_size=1, max_size=2)
NAMES = st.sampled_from(["f", "g"])
REQUESTS = st.builds(
    ChatRequest,
    origin=st.just("anthropic-messages"),
    model=WORDS,
    messages=st.builds(
        lambda first, turns: [*first, *(message for turn in turns for message in turn)],
        st.lists(SYSTEM, max_size=1),
        TURNS,
    ),
    tools=st.lists(
        st.builds(
            Tool, name=NAMES, description=st.none() | WORDS, parameters=st.just({"type": "object"}), cache=CACHES
        ),
        min_size=1,
        max_size=2,
    ),
    tool_choice=st.none()
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"]))
    | st.builds(ToolChoice, mode=st.just("required"), names=st.lists(NAMES, min_size=1, max_size=1)),
    response_format=st.none()
    | st.builds(ResponseFormat, type=st.just("json_schema"), schema=st.just({"type": "object"})),
    max_tokens=st.integers(1, 100),
    temperature=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(1, 9),
    stop=st.lists(WORDS, max_size=2),
    reasoning=st.none()
    | st.builds(
        Reasoning, is_enabled=st.just(True), budget_tokens=st.none() | st.just(2048), effort=st.none() | st.just("low")
    )
    | st.builds(Reasoning, is_enabled=st.just(False)),
    service_tier=st.none() | st.sampled_from(["auto", "default"]),
    user=st.none() | WORDS,
)


@given(REQUESTS)
def test_a_request_survives_being_written(request: ChatRequest) -> None:
    encoded = FORMAT.encode_request(request, ANTHROPIC)
    assert FORMAT.decode_request(encoded.body) == request
    assert encoded.dropped == []


@given(
    st.lists(
        TEXTS.map(lambda text: Text(text=text.text))
        | CALLS.map(lambda c: ToolCall(id=c.id, name=c.name, arguments=c.arguments))
        | THOUGHTS,
        max_size=3,
    )
)
def test_an_answer_survives_being_written(parts: list[Part]) -> None:
    usage = Usage(input=3, cache_read=2, cache_write=1, cache_write_1h=4, output=5, reasoning=1)
    response = ChatResponse(origin="anthropic-messages", id="i", model="m", usage=usage, service_tier="default")
    response.choices = [Choice(parts=parts, finish_reason="stop_sequence", stop_sequence="x")]
    assert FORMAT.decode_response(FORMAT.encode_response(response).body) == response


# Reading.

WRONG = [
    ({}, "messages: is required"),
    ({"messages": [{"role": "robot", "content": "x"}]}, r"messages\[0\].role: unknown role 'robot'"),
    ({"messages": [{"role": "user", "content": [{}]}]}, r"messages\[0\].content\[0\].type: is required"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, r"content\[0\].text: is required"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, r"content\[0\].source: is required"),
    ({"messages": [], "tool_choice": {"type": "x"}}, "tool_choice.type: unknown kind of tool choice 'x'"),
    ({"messages": [], "output_config": {"format": {"type": "xml"}}}, "unknown format 'xml'"),
    ({"messages": [], "temperature": "hot"}, "temperature: expected a number"),
]


@pytest.mark.parametrize(("wire", "message"), WRONG)
def test_a_request_that_is_wrong_says_where(wire: object, message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        decode(wire)
    assert (error.value.status, error.value.code) == (400, "bad_request")


# Writing for Anthropic what other formats say. Each of Kong's known defects is one of these tests.


def test_every_system_message_counts_not_only_the_last() -> None:
    messages = [
        Message(role="system", parts=[Text(text="one")]),
        Message(role="user", parts=[Text(text="x")]),
        Message(role="developer", parts=[Text(text="two")]),
        Message(role="user", parts=[Text(text="y")]),
    ]
    wire = encode(asked(messages=messages))
    assert [block["text"] for block in wire["system"]] == ["one", "two"]
    assert [message["role"] for message in wire["messages"]] == ["user"]


def test_a_conversation_of_system_messages_alone_becomes_the_users() -> None:
    wire = encode(asked(messages=[Message(role="system", parts=[Text(text="Say hi")])]))
    assert wire["messages"] == [{"role": "user", "content": "Say hi"}]
    assert "system" not in wire


def test_an_assistants_words_stay_beside_its_calls() -> None:
    parts: list[Part] = [Text(text="Let me see."), ToolCall(id="a.b:1", name="f", arguments='{"x":1}')]
    messages = [
        Message(role="user", parts=[Text(text="x")]),
        Message(role="assistant", parts=parts),
        Message(role="tool", parts=[ToolResult(call_id="a.b:1", parts=[Text(text="r")])]),
        Message(role="user", parts=[Text(text="y")]),
    ]
    _, spoken, answered = encode(asked(messages=messages))["messages"]
    assert [block["type"] for block in spoken["content"]] == ["text", "tool_use"]
    assert spoken["content"][1]["id"] == answered["content"][0]["tool_use_id"]
    assert [block["type"] for block in answered["content"]] == ["tool_result", "text"]


def test_sampling_stops_and_user_are_not_lost() -> None:
    wire = encode(asked(top_p=0.5, top_k=3, stop=["a", "  "], user="u", max_tokens=9))
    assert (wire["top_p"], wire["top_k"], wire["stop_sequences"], wire["max_tokens"]) == (0.5, 3, ["a"], 9)
    assert wire["metadata"] == {"user_id": "u"}
    assert dropped(asked(stop=["a", "  "])) == ["stop"]


def test_images_are_converted() -> None:
    wire = encode(asked(Image(data="AA", media_type="image/gif"), Image(url="https://x/y", detail="high")))
    assert [block["source"]["type"] for block in wire["messages"][0]["content"]] == ["base64", "url"]
    assert dropped(asked(Image(url="https://x/y", detail="high"))) == ["messages[].content[].image_url.detail"]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="auto"), {"type": "auto"}),
        (ToolChoice(mode="none"), {"type": "none"}),
        (ToolChoice(mode="required"), {"type": "any"}),
        (ToolChoice(mode="required", names=["f"]), {"type": "tool", "name": "f"}),
        (ToolChoice(mode="auto", names=["f"]), {"type": "auto"}),
    ],
)
def test_tool_choices_have_their_counterpart(choice: ToolChoice, wire: object) -> None:
    tools: list[Any] = [Tool(name="f"), Tool(name="g")]
    encoded = encode(asked(tools=tools, tool_choice=choice))
    assert encoded["tool_choice"] == wire
    assert [tool["name"] for tool in encoded["tools"]] == (["f"] if choice.names else ["f", "g"])


def test_one_call_at_a_time_can_be_asked_for() -> None:
    wire = encode(asked(tools=[Tool(name="f")], parallel_tool_calls=False))
    assert wire["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in encode(asked(tools=[Tool(name="f")], parallel_tool_calls=True))


def test_a_limit_is_always_sent() -> None:
    assert encode(asked())["max_tokens"] == 4096


def test_an_older_version_takes_what_the_new_one_does_not() -> None:
    request = asked(temperature=0.5)
    assert encode(request)["temperature"] == 0.5
    assert "temperature" not in encode(request, NEW_VERSION)
    assert dropped(request, NEW_VERSION) == ["temperature"]


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"temperature": 1.5}, ["temperature"]),
        ({"temperature": 0.5, "top_p": 0.5}, ["top_p"]),
        ({"reasoning": Reasoning(effort="low"), "temperature": 0.5}, ["temperature"]),
        ({"service_tier": "flex"}, ["service_tier"]),
        ({"response_format": ResponseFormat(type="json_object")}, ["response_format"]),
        ({"seed": 1, "logprobs": True, "metadata": {"a": "b"}}, ["seed", "logprobs", "metadata"]),
        (
            {
                "reasoning": Reasoning(effort="low"),
                "tools": [Tool(name="f")],
                "tool_choice": ToolChoice(mode="required"),
            },
            ["reasoning"],
        ),
        ({"reasoning": Reasoning(effort="low"), "model": "claude-sonnet-4-5", "max_tokens": 500}, ["reasoning"]),
    ],
)
def test_what_anthropic_does_not_take_is_reported(fields: dict[str, Any], lost: list[str]) -> None:
    assert dropped(asked(**fields)) == lost


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (asked(n=2), "one answer a call"),
        (asked(modalities=["audio"]), "text only"),
        (asked(tools=[Tool(name="f", is_custom=True)]), "free text"),
        (asked(tools=[Tool(name="a b")]), "characters other than"),
        (asked(Image(file_id="f")), "base64 or an http URL"),
        (asked(messages=[Message(role="assistant", parts=[Text(text="x")])]), "must be the user's"),
        (asked(messages=[Message(role="system", parts=[Image(data="A")]), USER_TURN]), "only text"),
    ],
)
def test_what_would_change_the_answer_is_refused(request_: ChatRequest, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        FORMAT.encode_request(request_, ANTHROPIC)


def test_schemas_are_closed_for_structured_output() -> None:
    wanted = ResponseFormat(type="json_schema", schema={"type": "object", "properties": {}})
    schema = encode(asked(response_format=wanted))["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False


def test_broken_arguments_of_an_earlier_call_are_kept_for_the_model_to_see() -> None:
    messages = [
        Message(role="user", parts=[Text(text="x")]),
        Message(role="assistant", parts=[ToolCall(id="a", name="f", arguments='{"x":')]),
    ]
    assert encode(asked(messages=messages))["messages"][1]["content"][0]["input"] == {"arguments": '{"x":'}


# Answers.


def test_a_refusal_in_words_of_its_own_is_a_refusal() -> None:
    response = ChatResponse(origin="openai-chat", choices=[Choice(parts=[Refusal(text="No.")], finish_reason="stop")])
    wire = json.loads(FORMAT.encode_response(response).body)
    assert (wire["stop_reason"], wire["content"][0]["text"]) == ("refusal", "No.")


def test_an_answer_without_a_choice_is_the_providers_fault() -> None:
    with pytest.raises(UpstreamError):
        FORMAT.encode_response(ChatResponse(origin="openai-chat"))


# Staying in the format.


def passed(wire: dict[str, object], options: Options = Options(), stream: bool | None = None) -> object:  # noqa: B008
    opened = FORMAT.open(json.dumps(wire).encode())
    result = FORMAT.close(opened, "m", opened.stream if stream is None else stream, options, ANTHROPIC)
    return json.loads(result)


def test_nothing_changes_that_need_not() -> None:
    wire: dict[str, object] = {"model": "m", "messages": MESSAGES, "betas": {"deep": [1, 2.0, None]}}
    assert passed(wire) == wire


def test_the_operators_options_win() -> None:
    wire: dict[str, object] = {"model": "n", "max_tokens": 900, "top_k": 1}
    assert passed(wire, Options(max_tokens=5, top_k=2), True) == {
        "model": "m",
        "max_tokens": 5,
        "top_k": 2,
        "stream": True,
    }


@pytest.mark.parametrize("place", ["output_format", "output_config"])
def test_a_schema_may_stand_where_the_beta_had_it(place: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    wire = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    body = {**wire, place: wanted if place == "output_format" else {"format": wanted}}
    request = FORMAT.decode_request(json.dumps(body).encode())
    assert request.response_format == ResponseFormat(type="json_schema", schema={"type": "object"})
    assert request.extra == {}


@pytest.mark.parametrize(
    "path", ["/anthropic/v1/messages/count_tokens", "/v1/messages/batches", "/v1/messages/batches/x"]
)
def test_what_lies_below_messages_is_no_message(path: str) -> None:
    with pytest.raises(ClientError, match="is not supported: only messages are"):
        FORMAT.inspect({}, path)
    assert FORMAT.inspect({}, "/messages/batches_of_my_own/v1/messages").model is None


VERTEX = Profile(provider="vertex", body_version="vertex-2023-10-16", has_model_in_body=False)


def test_in_another_cloud_the_version_stands_in_the_body_and_the_model_does_not() -> None:
    """Kong strips the version, and Claude on Vertex fails (its issue 14354)."""
    request = ChatRequest(
        origin="openai-chat", model="claude-x", messages=[Message(role="user", parts=[Text(text="x")])]
    )
    written = json.loads(FORMAT.encode_request(request, VERTEX).body)
    opened = FORMAT.open(json.dumps({"model": "a", "max_tokens": 5, "messages": MESSAGES, "odd": 1}).encode())
    passed = json.loads(FORMAT.close(opened, "claude-x", True, Options(), VERTEX))
    assert (written["anthropic_version"], "model" in written) == ("vertex-2023-10-16", False)
    assert passed == {
        "max_tokens": 5, "messages": MESSAGES, "odd": 1, "stream": True, "anthropic_version": "vertex-2023-10-16",
    }  # fmt: skip
