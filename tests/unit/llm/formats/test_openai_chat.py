import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Options, Profile
from entresol.llm.formats.openai_chat import OpenAIChat, effort_of_budget
from entresol.llm.types import (
    Audio,
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
)  # fmt: skip

FORMAT = OpenAIChat()
OPENAI = Profile(provider="openai", max_tokens_field="max_completion_tokens", has_developer_role=True)
COMPATIBLE = Profile(provider="openai-compatible", takes_reasoning_content=True)
FOREIGN = Profile(provider="foreign")
MARKED = Profile(provider="foreign", takes_cache_marks=True)
GOLDEN = Path(__file__).parents[3] / "golden" / "openai_chat"

MESSAGES = [{"role": "user", "content": "x"}]
FIELDS: dict[str, tuple[object, str]] = {
    "audio": ({"voice": "alloy", "format": "wav"}, "refused"),
    "frequency_penalty": (0.5, "mapped"),
    "function_call": ("auto", "dropped"),
    "functions": ([{"name": "f"}], "refused"),
    "logit_bias": ({"5": 1}, "mapped"),
    "logprobs": (True, "mapped"),
    "max_completion_tokens": (5, "mapped"),
    "max_tokens": (5, "mapped"),
    "messages": (MESSAGES, "mapped"),
    "metadata": ({"a": "b"}, "mapped"),
    "modalities": (["text"], "mapped"),
    "model": ("m", "mapped"),
    "moderation": ({"enabled": True}, "refused"),
    "n": (2, "mapped"),
    "parallel_tool_calls": (False, "mapped"),
    "prediction": ({"type": "content", "content": "x"}, "dropped"),
    "presence_penalty": (0.5, "mapped"),
    "prompt_cache_key": ("k", "dropped"),
    "prompt_cache_options": ({"ttl": "30m"}, "dropped"),
    "prompt_cache_retention": ("24h", "dropped"),
    "reasoning_effort": ("low", "mapped"),
    "response_format": ({"type": "json_object"}, "mapped"),
    "safety_identifier": ("u", "mapped"),
    "seed": (5, "mapped"),
    "service_tier": ("flex", "mapped"),
    "stop": (["x"], "mapped"),
    "store": (True, "dropped"),
    "stream": (True, "mapped"),
    "stream_options": ({"include_usage": True, "include_obfuscation": False}, "dropped"),
    "temperature": (0.5, "mapped"),
    "tool_choice": ("auto", "mapped"),
    "tools": ([{"type": "function", "function": {"name": "f"}}], "mapped"),
    "top_logprobs": (5, "mapped"),
    "top_p": (0.5, "mapped"),
    "user": ("u", "mapped"),
    "verbosity": ("low", "dropped"),
    "web_search_options": ({}, "refused"),
}
"""Every field of today's API, and what becomes of it on the way to another format that knows all canonical fields."""


def test_the_table_knows_every_field_of_the_official_client() -> None:
    assert set(CompletionCreateParamsBase.__annotations__) - set(FIELDS) == set()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_mapped_reported_or_refused(name: str) -> None:
    value, outcome = FIELDS[name]
    bare = decode({"messages": MESSAGES})
    request = decode({"messages": MESSAGES, name: value})
    canonical = {field for field in request.__struct_fields__ if getattr(request, field) != getattr(bare, field)}
    assert canonical or name == "messages", "the field left no trace"
    request.origin = "some-client-format"
    if outcome == "refused":
        with pytest.raises(ClientError, match="is not supported by provider foreign") as error:
            FORMAT.encode_request(request, FOREIGN)
        assert error.value.code == "unsupported_by_provider"
        return
    dropped = FORMAT.encode_request(request, FOREIGN).dropped
    assert [path.partition(".")[0] for path in dropped] == ([name] if outcome == "dropped" else [])


def decode(wire: object) -> ChatRequest:
    return FORMAT.decode_request(json.dumps(wire).encode())


def encode(request: ChatRequest, profile: Profile = OPENAI) -> dict[str, object]:
    wire = json.loads(FORMAT.encode_request(request, profile).body)
    assert isinstance(wire, dict)
    return wire


@pytest.mark.parametrize(
    "path", sorted(p for p in GOLDEN.glob("*.json") if p.name.count(".") == 1), ids=lambda p: p.stem
)
def test_a_request_written_back_says_the_same(path: Path) -> None:
    request = FORMAT.decode_request(path.read_bytes())
    encoded = FORMAT.encode_request(request, COMPATIBLE)
    assert encoded.dropped == []
    again = FORMAT.decode_request(encoded.body)
    again.include_usage = request.include_usage  # usage is always asked for upstream
    if any(message.role == "developer" for message in request.messages):
        request.messages[0].role = "system"  # compatible servers know no other
    assert again == request


# What the format can express survives: decode(encode(x)) = x.

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
CACHES = st.none() | st.builds(CacheMark, st.none() | st.sampled_from(["30m", "12h"]))
TEXTS = st.builds(Text, text=WORDS, cache=CACHES)
IMAGES = st.builds(
    Image, data=st.just("AA"), media_type=st.just("image/png"), detail=st.none() | st.just("low")
) | st.builds(Image, url=st.just("https://x/y.png"))
AUDIO = st.builds(Audio, data=st.just("AA"), media_type=st.sampled_from(["audio/wav", "audio/mp3"]))
DOCUMENTS = st.builds(Document, data=st.just("AA"), media_type=st.just("application/pdf"), name=WORDS)
CALLS = st.builds(ToolCall, id=WORDS, name=WORDS, arguments=st.just('{"a":1}'), is_custom=st.booleans())
RESULTS = st.builds(ToolResult, call_id=WORDS, parts=st.lists(TEXTS, min_size=1, max_size=2))


def assistant(texts: list[Text], refusal: list[Refusal], calls: list[ToolCall], thoughts: list[Thinking]) -> Message:
    parts: list[Part] = [*thoughts, *texts, *refusal, *calls]
    return Message(role="assistant", parts=parts)


SYSTEM = st.builds(Message, role=st.sampled_from(["system"]), parts=st.lists(TEXTS, min_size=1, max_size=2))
USER = st.builds(
    Message,
    role=st.just("user"),
    parts=st.lists(TEXTS | IMAGES | AUDIO | DOCUMENTS, max_size=3),
    name=st.none() | WORDS,
)
ASSISTANT = st.builds(
    assistant,
    st.lists(TEXTS, max_size=2),
    st.lists(st.builds(Refusal, text=WORDS), max_size=1),
    st.lists(CALLS, max_size=2),
    st.lists(st.builds(Thinking, text=WORDS), max_size=1),
)
RESULT = st.builds(Message, role=st.just("tool"), parts=st.lists(RESULTS, min_size=1, max_size=2))
TURNS = st.lists(st.tuples(USER, ASSISTANT, RESULT), max_size=2)


def conversation(first: list[Message], turns: list[tuple[Message, Message, Message]]) -> list[Message]:
    return [*first, *(message for turn in turns for message in turn)]


NAMES = st.sampled_from(["f", "g"])
REQUESTS = st.builds(
    ChatRequest,
    origin=st.just("openai-chat"),
    model=WORDS,
    messages=st.builds(conversation, st.lists(SYSTEM, max_size=1), TURNS),
    tools=st.lists(
        st.builds(
            Tool, name=NAMES, parameters=st.none() | st.just({"type": "object"}), strict=st.none() | st.booleans()
        )
    ),
    tool_choice=st.none()
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"]))
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "required"]), names=st.lists(NAMES, min_size=1, max_size=2)),
    response_format=st.none()
    | st.builds(ResponseFormat, type=st.sampled_from(["text", "json_object"]))
    | st.builds(
        ResponseFormat,
        type=st.just("json_schema"),
        name=WORDS,
        schema=st.just({"type": "object"}),
        strict=st.none() | st.booleans(),
    ),
    max_tokens=st.none() | st.integers(1, 100),
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(WORDS, max_size=2),
    logit_bias=st.dictionaries(st.just("5"), st.integers(-100, 100), max_size=1),
    metadata=st.dictionaries(WORDS, WORDS, max_size=2),
    reasoning=st.none() | st.builds(Reasoning, effort=st.sampled_from(["none", "low", "high"])),
    modalities=st.lists(st.sampled_from(["text", "audio"]), max_size=2),
    user=st.none() | WORDS,
    n=st.none() | st.integers(1, 4),
)


@given(REQUESTS)
def test_a_request_survives_being_written(request: ChatRequest) -> None:
    encoded = FORMAT.encode_request(request, COMPATIBLE)
    assert FORMAT.decode_request(encoded.body) == request
    assert encoded.dropped == []


@given(
    st.lists(TEXTS.map(lambda text: Text(text=text.text)), max_size=1),
    st.lists(st.builds(Refusal, text=WORDS), max_size=1),
    st.lists(CALLS, max_size=2),
    st.lists(st.builds(Thinking, text=WORDS), max_size=1),
)
def test_an_answer_survives_being_written(
    texts: list[Text], refusal: list[Refusal], calls: list[ToolCall], thoughts: list[Thinking]
) -> None:
    message = assistant(texts, refusal, calls, thoughts)
    choice = Choice(
        parts=message.parts,
        finish_reason="tool_calls" if calls else "stop",
        logprobs={"content": []},
        extra={"message.annotations": [1]},
    )
    response = ChatResponse(
        origin="openai-chat", id="i", model="m", created=5, choices=[choice], usage=Usage(input=3, output=1),
        service_tier="flex", extra={"system_fingerprint": "f"},
    )  # fmt: skip
    assert FORMAT.decode_response(FORMAT.encode_response(response).body) == response


# Reading.

WRONG = [
    ({}, "messages: is required"),
    ({"messages": {}}, "messages: expected a list, got an object"),
    ({"messages": [5]}, r"messages\[0\]: expected an object, got a number"),
    ({"messages": [{}]}, r"messages\[0\].role: is required"),
    ({"messages": [{"role": "robot"}]}, "unknown role 'robot'"),
    ({"messages": [{"role": "tool"}]}, "tool_call_id: is required"),
    ({"messages": [], "temperature": "hot"}, "temperature: expected a number"),
    ({"messages": [], "tools": [{"type": "function"}]}, r"tools\[0\].function: is required"),
    ({"messages": [], "tool_choice": {"type": "other"}}, "unknown kind of tool choice"),
    ({"messages": [], "tool_choice": 5}, "tool_choice: expected an object"),
    ({"messages": [], "response_format": {"type": "xml"}}, "unknown response format 'xml'"),
    ({"messages": [], "metadata": {"a": 1}}, "metadata.a: expected a string"),
    ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "x"}]}]}, "unknown kind of tool call"),
]


@pytest.mark.parametrize(("wire", "message"), WRONG)
def test_a_request_that_is_wrong_says_where(wire: object, message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        decode(wire)
    assert (error.value.status, error.value.code) == (400, "bad_request")


def test_the_new_name_of_the_token_limit_wins() -> None:
    assert decode({"messages": [], "max_tokens": 1, "max_completion_tokens": 2}).max_tokens == 2


def test_consecutive_tool_results_are_one_message() -> None:
    tools = [{"role": "tool", "tool_call_id": name, "content": "x"} for name in "ab"]
    assert [message.role for message in decode({"messages": [*tools, *MESSAGES, *tools]}).messages] == [
        "tool",
        "user",
        "tool",
    ]


# Writing.


def test_the_token_limit_has_the_name_the_provider_knows() -> None:
    request = ChatRequest(origin="x", messages=[], max_tokens=5)
    assert encode(request, OPENAI)["max_completion_tokens"] == 5
    assert encode(request, COMPATIBLE)["max_tokens"] == 5


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (Reasoning(effort="xhigh"), "xhigh"),
        (Reasoning(is_enabled=False), "none"),
        (Reasoning(budget_tokens=500), "low"),
        (Reasoning(budget_tokens=20_000), "high"),
        (Reasoning(is_enabled=True), None),
    ],
)
def test_reasoning_of_other_formats_becomes_an_effort(reasoning: Reasoning, effort: str | None) -> None:
    assert encode(ChatRequest(origin="x", messages=[], reasoning=reasoning)).get("reasoning_effort") == effort


def test_reasoning_without_an_effort_is_reported() -> None:
    request = ChatRequest(origin="x", messages=[], reasoning=Reasoning(is_enabled=True))
    assert FORMAT.encode_request(request, OPENAI).dropped == ["reasoning"]


@pytest.mark.parametrize(("origin", "dropped"), [("anthropic-messages", ["citations", "x"]), ("openai-chat", [])])
def test_what_parts_of_a_foreign_answer_hold_beside_their_text_is_reported_once(
    origin: str, dropped: list[str]
) -> None:
    parts: list[Part] = [Text(text="a", extra={"citations": [1]}), Text(text="b", extra={"citations": [2], "x": 1})]
    response = ChatResponse(origin=origin, id="r", model="m", choices=[Choice(parts=parts)])
    assert FORMAT.encode_response(response).dropped == dropped


def test_budgets_have_bounds() -> None:
    assert [effort_of_budget(n) for n in (0, 1, 1024, 1025, 8192, 8193, -1)] == [
        "none", "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip


# Staying in the format.


def passed(wire: dict[str, object], **change: object) -> dict[str, object]:
    options = change.pop("options", Options())
    assert isinstance(options, Options)
    opened = FORMAT.open(json.dumps(wire).encode())
    result = json.loads(FORMAT.close(opened, "m", bool(change.get("stream", opened.stream)), options, OPENAI))
    assert isinstance(result, dict)
    return result


def test_nothing_changes_that_need_not() -> None:
    wire: dict[str, object] = {"model": "m", "messages": MESSAGES, "x_unknown": {"deep": [1, 2.0, None]}}
    assert passed(wire) == wire


def test_the_operators_options_win() -> None:
    options = Options(max_tokens=5, temperature=0.0, top_p=0.1)
    result = passed({"model": "n", "max_tokens": 900, "temperature": 2}, options=options)
    assert result == {"model": "m", "max_completion_tokens": 5, "temperature": 0.0, "top_p": 0.1}


def test_a_stream_is_asked_to_report_usage() -> None:
    assert passed({"stream": True})["stream_options"] == {"include_usage": True}
    assert passed({}, stream=True) == {"model": "m", "stream": True, "stream_options": {"include_usage": True}}


def test_a_response_without_choices_is_the_providers_fault() -> None:
    with pytest.raises(UpstreamError, match="choices: is required"):
        FORMAT.decode_response(b'{"object":"chat.completion"}')


def test_the_older_of_two_limits_is_reported() -> None:
    body = {"messages": MESSAGES, "max_tokens": 5, "max_completion_tokens": 6}
    request = FORMAT.decode_request(json.dumps(body).encode())
    assert (request.max_tokens, request.extra) == (6, {"max_tokens": 5})


def test_what_a_text_document_in_a_result_carries_is_mapped_or_reported() -> None:
    document = Document(text="d", name="title", cache=CacheMark())
    result = Message(role="tool", parts=[ToolResult(call_id="c", parts=[document])])
    encoded = FORMAT.encode_request(ChatRequest(origin="anthropic-messages", messages=[result]), MARKED)
    assert json.loads(encoded.body)["messages"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert encoded.dropped == ["messages[].tool_results[].content[].title"]


@pytest.mark.parametrize(("reason", "read"), [("stop", "tool_calls"), ("length", "length")])
def test_an_answer_that_stops_with_tool_calls_waits_for_their_results(reason: str, read: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    wire = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}
    assert FORMAT.decode_response(json.dumps(wire).encode()).choices[0].finish_reason == read


def test_what_other_servers_leave_out_or_write_otherwise_is_understood() -> None:
    calls = [{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g"}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    wire = {"created": 5.5, "choices": [{"message": message, "finish_reason": "tool_calls"}]}
    response = FORMAT.decode_response(json.dumps(wire).encode())
    assert response.created == 5
    assert response.choices[0].parts == [
        ToolCall(id="call_0_0", name="f", arguments='{"a":1}'),
        ToolCall(id="call_0_1", name="g"),
    ]
    with pytest.raises(ClientError, match="id: is required"):
        FORMAT.decode_request(json.dumps({"messages": [message]}).encode())
