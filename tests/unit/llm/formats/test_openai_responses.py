import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.events import ErrorDetail
from entresol.llm.format import Options, Profile, StreamShape
from entresol.llm.formats.openai_chat import OpenAIChat
from entresol.llm.formats.openai_responses import OpenAIResponses
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    JsonObject,
    Message,
    NativeTool,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

FORMAT = OpenAIResponses()
OPENAI = Profile(provider="openai")


def decoded(**fields: object) -> ChatRequest:
    return FORMAT.decode_request(msgspec.json.encode({"model": "gpt-5", "input": "Hi"} | fields))


def encoded(request: ChatRequest) -> tuple[JsonObject, list[str]]:
    done = FORMAT.encode_request(request, OPENAI)
    return msgspec.json.decode(done.body, type=JsonObject), done.dropped


def foreign(**fields: object) -> ChatRequest:
    request = ChatRequest(origin="openai-chat", model="gpt-5", messages=[Message(role="user", parts=[Text(text="Hi")])])
    return msgspec.structs.replace(request, **fields)


def test_instructions_are_the_first_system_message() -> None:
    request = decoded(instructions="Be brief.")
    assert request.messages == [
        Message(role="system", parts=[Text(text="Be brief.")]),
        Message(role="user", parts=[Text(text="Hi")]),
    ]
    body, _ = encoded(request)
    assert body["instructions"] == "Be brief."


@pytest.mark.parametrize("fields", [{"input": None}, {"input": []}, {"input": 5}, {"input": ["a"]}])
def test_a_request_without_an_input_is_refused(fields: JsonObject) -> None:
    with pytest.raises(ClientError, match="input") as caught:
        decoded(**fields)
    assert caught.value.code == "bad_request"


def test_a_state_at_the_provider_is_not_left_out() -> None:
    request = decoded(input=None, previous_response_id="resp_1")
    with pytest.raises(ClientError, match="previous_response_id") as caught:
        FORMAT.encode_request(msgspec.structs.replace(request, origin="x"), OPENAI)
    assert caught.value.code == "unsupported_by_provider"


def test_nothing_is_kept_at_openai_for_a_client_of_another_format() -> None:
    body, dropped = encoded(foreign())
    assert (body["store"], dropped) == (False, [])


@pytest.mark.parametrize(
    ("model", "reasoning", "is_asked"),
    [
        ("gpt-5", None, True),
        ("o3-mini", None, True),
        ("openai/gpt-5.2-codex", None, True),
        ("gpt-5-chat-latest", None, False),
        ("gpt-4o", None, False),
        ("gpt-4o", Reasoning(effort="low"), True),
        ("gpt-5", Reasoning(effort="none"), False),
        ("gpt-5", Reasoning(is_enabled=False), False),
    ],
)
def test_encrypted_reasoning_is_asked_for_where_there_is_any(
    model: str, reasoning: Reasoning | None, is_asked: bool
) -> None:
    body, _ = encoded(foreign(model=model, reasoning=reasoning))
    assert (body.get("include") == ["reasoning.encrypted_content"]) == is_asked


def test_what_openai_does_not_take_here_is_told() -> None:
    _, dropped = encoded(foreign(seed=1, top_k=5, frequency_penalty=0.5, logit_bias={"1": 2.0}, extra={"x": 1}))
    assert set(dropped) == {"seed", "top_k", "frequency_penalty", "logit_bias", "x"}


def test_what_the_operator_sets_wins() -> None:
    opened = FORMAT.open(b'{"model":"gpt-5","input":"Hi","max_output_tokens":9,"newer":{"a":1}}')
    body = FORMAT.close(opened, "gpt-6", True, Options(max_tokens=5, top_p=0.5), OPENAI)
    assert msgspec.json.decode(body) == {
        "model": "gpt-6", "input": "Hi", "max_output_tokens": 5, "newer": {"a": 1}, "stream": True, "top_p": 0.5,
    }  # fmt: skip


def test_losses_are_told_in_the_clients_words() -> None:
    paths = ["max_tokens", "messages[].tool_calls[].x", "response_format.json_schema.name", "messages[].name"]
    assert [FORMAT.own_path(path) for path in paths] == [
        "max_output_tokens", "input[].x", "text.format.name", "input[].name",
    ]  # fmt: skip


@pytest.mark.parametrize("below", ["compact", "input_tokens", "resp_1/cancel", "resp_1/input_items/"])
def test_what_lies_below_responses_is_not_taken_for_creating_one(below: str) -> None:
    body = b'{"model":"gpt-5","input":"Hi"}'
    with pytest.raises(ClientError, match=below.rstrip("/")):
        FORMAT.open(body, f"/v1/responses/{below}")
    assert FORMAT.open(body, "/v1/responses").model == "gpt-5"
    assert FORMAT.open(body, "/v1/responses/").model == "gpt-5"


FIELDS = {
    "access_programs": ({"cyber": "standard"}, "dropped"),
    "background": (True, "refused"),
    "background_options": ({"completion_window": "2h"}, "dropped"),
    "context_management": ([{"type": "compaction"}], "dropped"),
    "conversation": ("conv_1", "refused"),
    "image": ({"context_compression": "auto"}, "dropped"),
    "include": (["web_search_call.results"], "dropped"),
    "input": ("Hello", "mapped"),
    "instructions": ("Be brief.", "mapped"),
    "max_output_tokens": (50, "mapped"),
    "max_tool_calls": (3, "dropped"),
    "metadata": ({"a": "b"}, "mapped"),
    "model": ("gpt-6", "mapped"),
    "moderation": ({"model": "m"}, "refused"),
    "parallel_tool_calls": (False, "mapped"),
    "previous_response_id": ("resp_1", "refused"),
    "prompt": ({"id": "p"}, "refused"),
    "prompt_cache_key": ("k", "dropped"),
    "prompt_cache_options": ({"mode": "explicit"}, "dropped"),
    "prompt_cache_retention": ("24h", "dropped"),
    "reasoning": ({"effort": "low"}, "mapped"),
    "safety_identifier": ("u", "mapped"),
    "service_tier": ("flex", "mapped"),
    "store": (True, "dropped"),
    "stream": (True, "mapped"),
    "stream_options": ({"include_obfuscation": True}, "dropped"),
    "temperature": (0.5, "mapped"),
    "text": ({"format": {"type": "json_object"}}, "mapped"),
    "tool_choice": ("none", "mapped"),
    "tools": ([{"type": "function", "name": "f"}], "mapped"),
    "top_logprobs": (3, "mapped"),
    "top_p": (0.5, "mapped"),
    "truncation": ("auto", "dropped"),
    "user": ("u", "mapped"),
}
"""Every field of the official client's request: a value, and what becomes of it for a provider of chat completions."""


def test_every_field_of_the_official_client_is_known() -> None:
    given = ResponseCreateParamsBase.__annotations__.keys() | {"stream"}
    assert given == FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_mapped_told_or_refused(name: str) -> None:
    value, outcome = FIELDS[name]
    chat, request = OpenAIChat(), decoded(**{name: value})
    if outcome == "refused":
        with pytest.raises(ClientError, match=name) as caught:
            chat.encode_request(request, OPENAI)
        assert caught.value.code == "unsupported_by_provider"
        return
    without, done = chat.encode_request(decoded(), OPENAI), chat.encode_request(request, OPENAI)
    told = [path.partition(".")[0] for path in done.dropped]
    assert outcome == ("dropped" if told == [name] else "mapped" if done.body != without.body else "lost")


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled", "failed"])
def test_an_answer_that_is_not_there_is_refused(status: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        FORMAT.decode_response(msgspec.json.encode({"id": "r", "status": status, "output": []}))
    assert caught.value.code == "provider_bad_response"


def test_what_an_answer_repeats_of_the_request_is_not_lost() -> None:
    body = {"id": "r", "model": "m", "status": "completed", "output": [], "tools": [], "text": {}, "novel": 1}
    response = FORMAT.decode_response(msgspec.json.encode(body))
    assert response.extra == {"novel": 1}


def test_more_answers_than_one_are_told() -> None:
    response = ChatResponse(origin="openai-chat", choices=[Choice(parts=[Text(text="a")]), Choice(index=1)])
    assert FORMAT.encode_response(response).dropped == ["choices[1:]"]


def test_no_answer_at_all_is_refused() -> None:
    with pytest.raises(UpstreamError):
        FORMAT.encode_response(ChatResponse(origin="openai-chat"))


def test_errors_are_openais() -> None:
    error = ErrorDetail(status=429, message="slow", code="rate_limit_exceeded")
    body = msgspec.json.decode(FORMAT.error_body(error, "r1"), type=JsonObject)
    assert body["error"] == {
        "message": "slow",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert FORMAT.stream_error(error, "r1").startswith(b"event: error\ndata: ")


TEXTS = st.text(min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
OBJECTS = st.dictionaries(NAMES, st.integers() | TEXTS, max_size=3)
CALLS = st.builds(
    ToolCall, id=NAMES, name=NAMES, arguments=OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
)
SEALS = st.none() | TEXTS.map("openai:".__add__) | NAMES.map("anthropic:".__add__)
THOUGHTS = st.builds(Thinking, text=TEXTS, signature=SEALS)
IMAGES = st.builds(Image, url=NAMES.map("https://e.com/".__add__), detail=st.sampled_from(["low", "high"]))
MARKS = st.none() | st.builds(CacheMark, ttl=st.none() | st.sampled_from(["30m", "12h"]))
USER = st.builds(
    Message,
    role=st.just("user"),
    parts=st.lists(st.builds(Text, text=TEXTS, cache=MARKS) | IMAGES, min_size=1, max_size=3),
)
RESULTS = st.lists(
    st.builds(ToolResult, call_id=NAMES, parts=st.lists(st.builds(Text, text=TEXTS), max_size=2)),
    min_size=1,
    max_size=2,
)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A conversation in normal form: words come before calls, thoughts before words."""
    messages = [draw(USER)]
    for _ in range(draw(st.integers(0, 3))):
        parts: list[Part] = [
            *draw(st.lists(THOUGHTS, max_size=2)),
            Text(text=draw(TEXTS)),
            *draw(st.lists(CALLS, max_size=2)),
        ]
        messages.append(Message(role="assistant", parts=parts))
        if any(isinstance(part, ToolCall) for part in parts) and draw(st.booleans()):
            messages.append(Message(role="tool", parts=list(draw(RESULTS))))
        else:
            messages.append(draw(USER))
    return messages


TOOLS = st.lists(
    st.builds(Tool, name=NAMES, description=st.none() | TEXTS, parameters=OBJECTS, strict=st.booleans())
    | NAMES.map(lambda name: NativeTool(type="mcp", value={"type": "mcp", "server_label": name})),
    max_size=2,
)
REQUESTS = st.builds(
    ChatRequest,
    origin=st.just("openai-responses"),
    model=NAMES,
    messages=turns(),
    include_usage=st.just(True),
    stream=st.booleans(),
    tools=TOOLS,
    tool_choice=st.none()
    | st.sampled_from([ToolChoice(mode="auto"), ToolChoice(mode="none"), ToolChoice(mode="required")]),
    parallel_tool_calls=st.none() | st.booleans(),
    response_format=st.none() | st.just(ResponseFormat(type="json_object")),
    max_tokens=st.none() | st.integers(1, 9999),
    temperature=st.none() | st.floats(0, 2),
    logprobs=st.none() | st.just(True),
    reasoning=st.none()
    | st.builds(Reasoning, effort=st.sampled_from(["low", "high"]), include_thoughts=st.none() | st.just(True)),
    service_tier=st.none() | st.just("flex"),
    user=st.none() | TEXTS,
    metadata=st.dictionaries(NAMES, TEXTS, max_size=2),
)


@given(REQUESTS)
def test_a_request_comes_back_the_same(request: ChatRequest) -> None:
    again = FORMAT.decode_request(FORMAT.encode_request(request, OPENAI).body)
    assert again == request


ANSWERS = st.builds(
    ChatResponse,
    origin=st.just("openai-responses"),
    id=NAMES,
    model=NAMES,
    created=st.integers(0, 2**31),
    service_tier=st.none() | st.just("default"),
    usage=st.none()
    | st.builds(Usage, input=st.integers(0, 99), cache_read=st.integers(0, 99), reasoning=st.integers(0, 9)),
    choices=st.lists(THOUGHTS | st.builds(Text, text=TEXTS), min_size=1, max_size=3).map(
        lambda parts: [Choice(parts=list(parts), finish_reason="stop")]
    ),
)


@given(ANSWERS)
def test_an_answer_comes_back_the_same(response: ChatResponse) -> None:
    assert FORMAT.decode_response(FORMAT.encode_response(response).body) == response


WORDS = st.sampled_from(
    ["type", "role", "content", "text", "id", "call_id", "name", "arguments", "output", "summary", "status", "input",
     "encrypted_content", "logprobs", "annotations", "result", "tools", "error", "message", "user", "assistant",
     "function_call", "function_call_output", "custom_tool_call", "reasoning", "input_text", "output_text", "refusal",
     "input_image", "input_file", "image_url", "file_data", "image_generation_call", "summary_text", "function",
     "completed", "incomplete", "failed", "code", "usage", "input_tokens", "item", "delta", "output_index"]
)  # fmt: skip
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | WORDS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["message", "reasoning", "function_call", "custom_tool_call", "image_generation_call", "x"]
        )
    },
    optional=dict.fromkeys(("role", "content", "summary", "call_id", "name", "arguments", "result", "id"), VALUES),
)


@given(st.dictionaries(WORDS, VALUES, max_size=5), VALUES | st.lists(ITEMS, max_size=3))
def test_no_request_breaks_the_decoder(fields: JsonObject, given_input: object) -> None:
    with contextlib.suppress(ClientError):
        FORMAT.encode_request(decoded(**fields | {"input": given_input}), OPENAI)


@given(st.dictionaries(WORDS, VALUES, max_size=5), VALUES | st.lists(ITEMS, max_size=3))
def test_no_answer_breaks_the_decoder(fields: JsonObject, output: object) -> None:
    body = msgspec.json.encode(fields | {"output": output})
    with contextlib.suppress(UpstreamError):
        FORMAT.response_facts(body)
    with contextlib.suppress(UpstreamError):
        FORMAT.encode_response(FORMAT.decode_response(body))


KINDS = st.sampled_from(
    ["output_item.added", "output_item.done", "output_text.delta", "output_text.done", "refusal.delta", "completed",
     "function_call_arguments.delta", "function_call_arguments.done", "reasoning_summary_text.delta", "created",
     "reasoning_summary_part.added", "incomplete", "failed", "custom_tool_call_input.delta", "x.delta"]
).map("response.".__add__)  # fmt: skip
MEMBERS = st.fixed_dictionaries(
    {"type": KINDS},
    optional={
        "item": VALUES | ITEMS,
        "delta": TEXTS | VALUES,
        "output_index": st.integers(0, 2),
        "content_index": st.integers(0, 1),
        "summary_index": st.integers(0, 1),
        "arguments": TEXTS,
        "text": TEXTS,
        "logprobs": VALUES,
        "response": st.fixed_dictionaries({"output": st.lists(ITEMS, max_size=2)}, optional={"status": WORDS}),
    },
)


@given(st.lists(MEMBERS, max_size=8))
def test_no_stream_breaks_decoder_or_encoder(events: list[JsonObject]) -> None:
    data = b"".join([b"data: %b\n\n" % msgspec.json.encode(event) for event in events])
    FORMAT.stream_facts(data, None)
    with contextlib.suppress(UpstreamError):
        FORMAT.stream_encoder(StreamShape(model="m")).encode(FORMAT.stream_decoder().feed(data))
