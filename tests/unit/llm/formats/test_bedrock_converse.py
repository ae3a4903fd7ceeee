"""Converse as a whole: nothing is lost without a word, and what is written is what Bedrock takes."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.model import StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.bedrock_converse import BedrockConverse
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

FORMAT = BedrockConverse()
BEDROCK = Profile(provider="bedrock")
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PATH = f"/model/{CLAUDE}/converse"
GOLDEN = Path(__file__).parents[3] / "golden"
MODEL = Session().get_service_model("bedrock-runtime")
MESSAGES = [{"role": "user", "content": [{"text": "x"}]}]
TOP: dict[str, tuple[object, str]] = {
    "additionalModelRequestFields": ({"top_k": 5}, "mapped"),
    "additionalModelResponseFieldPaths": (["/x"], "dropped"),
    "guardrailConfig": ({"guardrailIdentifier": "g"}, "refused"),
    "inferenceConfig": ({"maxTokens": 5}, "mapped"),
    "outputConfig": ({"effort": "low"}, "mapped"),
    "performanceConfig": ({"latency": "optimized"}, "dropped"),
    "promptVariables": ({"a": {"text": "x"}}, "refused"),
    "requestMetadata": ({"a": "b"}, "mapped"),
    "serviceTier": ({"type": "flex"}, "mapped"),
    "system": ([{"text": "x"}], "mapped"),
    "toolConfig": ({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]}, "mapped"),
}
BLOCKS: dict[str, tuple[object, str]] = {
    "audio": ({"format": "wav", "source": {"bytes": "AA=="}}, "mapped"),
    "cachePoint": ({"type": "default"}, "mapped"),
    "citationsContent": ({"content": [{"text": "x"}], "citations": [{}]}, "dropped"),
    "document": ({"format": "pdf", "name": "n", "source": {"bytes": "AA=="}}, "mapped"),
    "guardContent": ({"text": {"text": "x"}}, "dropped"),
    "image": ({"format": "png", "source": {"bytes": "AA=="}}, "mapped"),
    "reasoningContent": ({"reasoningText": {"text": "x"}}, "mapped"),
    "searchResult": ({"source": "s", "title": "t", "content": []}, "native"),
    "text": ("y", "mapped"),
    "toolAddition": ({"tool": {"name": "x"}}, "native"),
    "toolRemoval": ({"tool": {"name": "x"}}, "native"),
    "toolResult": ({"toolUseId": "t", "content": []}, "mapped"),
    "toolUse": ({"toolUseId": "t", "name": "f", "input": {}}, "mapped"),
    "video": ({"format": "mp4", "source": {"bytes": "AA=="}}, "mapped"),
}


def decode(wire: object, path: str = PATH) -> ChatRequest:
    return FORMAT.decode_request(json.dumps(wire).encode(), path)


def members(shape: str) -> set[str]:
    found = MODEL.shape_for(shape)
    assert isinstance(found, StructureShape)
    return set(found.members)


CANONICAL: dict[str, tuple[object, str]] = {
    "frequency_penalty": (0.5, "dropped"),
    "logit_bias": ({"1": 1.0}, "dropped"),
    "logprobs": (True, "dropped"),
    "max_tokens": (5, "mapped"),
    "metadata": ({"a": "b"}, "mapped"),
    "modalities": (["audio"], "refused"),
    "n": (2, "refused"),
    "parallel_tool_calls": (False, "mapped"),
    "presence_penalty": (0.5, "dropped"),
    "reasoning": (Reasoning(effort="low"), "mapped"),
    "response_format": (ResponseFormat(type="json_schema", schema={"type": "object"}), "mapped"),
    "seed": (5, "dropped"),
    "service_tier": ("flex", "mapped"),
    "stop": (["x"], "mapped"),
    "temperature": (0.5, "mapped"),
    "tool_choice": (ToolChoice(mode="required"), "mapped"),
    "tools": ([Tool(name="g")], "mapped"),
    "top_k": (5, "mapped"),
    "top_logprobs": (5, "dropped"),
    "top_p": (0.5, "mapped"),
    "user": ("u", "dropped"),
}
ELSEWHERE = {"origin", "model", "messages", "stream", "include_usage", "extra", "binding", "unread"}
"""In the path, in the conversation, or not for providers."""


def test_every_field_of_a_request_has_its_class() -> None:
    assert set(CANONICAL) | ELSEWHERE == set(ChatRequest.__struct_fields__)


@pytest.mark.parametrize("name", CANONICAL)
def test_a_field_of_other_clients_is_what_its_class_says(name: str) -> None:
    value, kind = CANONICAL[name]
    plain = ChatRequest(origin="openai-chat", model=CLAUDE, messages=[user(Text(text="x"))])
    plain.tools = [] if name == "tools" else [Tool(name="f")]
    request = msgspec.structs.replace(plain, **{name: value})
    if kind == "refused":
        with pytest.raises(ClientError, match=f"{name} is not supported"):
            FORMAT.encode_request(request, BEDROCK)
        return
    encoded = FORMAT.encode_request(request, BEDROCK)
    assert encoded.dropped == ([name] if kind == "dropped" else [])
    assert (encoded.body != FORMAT.encode_request(plain, BEDROCK).body) == (kind == "mapped")


def test_ten_thousand_turns_are_joined_in_linear_time() -> None:
    wire = encode(*(user(Text(text="x")) for _ in range(10_000)))
    assert len(wire["messages"]) == 1
    assert len(wire["messages"][0]["content"]) == 10_000


def test_every_field_of_the_service_model_has_its_class() -> None:
    assert set(TOP) == members("ConverseRequest") - {"modelId", "messages"}
    assert set(BLOCKS) == members("ContentBlock")


@pytest.mark.parametrize("name", TOP)
def test_a_field_is_what_its_class_says(name: str) -> None:
    value, kind = TOP[name]
    request = decode({"messages": MESSAGES, name: value})
    plain = decode({"messages": MESSAGES})
    is_extra = any(path.partition(".")[0] == name for path in request.extra)
    assert is_extra == (kind != "mapped")
    assert (name in request.binding) == (kind == "refused")
    if kind == "mapped":
        assert request != plain


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_what_its_class_says(name: str) -> None:
    value, kind = BLOCKS[name]
    message = decode({"messages": [{"role": "user", "content": [{"text": "x"}, {name: value}]}]}).messages[-1]
    last = message.parts[-1]
    assert (type(last).__name__ == "Native") == (kind == "native")
    if kind == "dropped":
        assert getattr(last, "extra", {}) != {}


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        ("/model/m/converse", "m", False),
        ("/model/eu.anthropic.claude-x-v1%3A0/converse-stream", "eu.anthropic.claude-x-v1:0", True),
        ("/", None, False),
    ],
)
def test_the_path_says_model_and_stream(path: str, model: str | None, stream: bool) -> None:
    opened = FORMAT.open(b'{"messages":[]}', path)
    assert (opened.model, opened.stream, opened.framing) == (model, stream, "aws")
    request = decode({"messages": MESSAGES}, path)
    assert (request.model, request.stream) == (model or "", stream)


@pytest.mark.parametrize("action", ["invoke", "count-tokens"])
def test_other_operations_are_refused(action: str) -> None:
    with pytest.raises(ClientError, match=f"{action} is not supported"):
        FORMAT.open(b"{}", f"/model/m/{action}")


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ({}, "messages: is required"),
        ({"messages": "x"}, "messages: expected a list"),
        ({"messages": [{"content": []}]}, r"messages\[0\].role: is required"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\].content: is required"),
        ({"messages": [{"role": "wizard", "content": []}]}, "unknown role 'wizard'"),
        ({"messages": MESSAGES, "inferenceConfig": {"maxTokens": "x"}}, "inferenceConfig.maxTokens: expected an int"),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(wire: object, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        decode(wire)


def test_what_passes_is_left_as_it_is() -> None:
    body = b'{"messages": [ ], "novelty": 1}'
    opened = FORMAT.open(body, PATH)
    closed = FORMAT.close(opened, "other-model", True, NO_OPTIONS, BEDROCK)
    assert json.loads(closed) == json.loads(body)


def test_what_the_operator_sets_stands_in_its_place() -> None:
    opened = FORMAT.open(b'{"messages":[],"inferenceConfig":{"topP":1,"maxTokens":9}}', PATH)
    closed = FORMAT.close(opened, CLAUDE, False, Options(max_tokens=5, top_k=3), BEDROCK)
    assert json.loads(closed) == {
        "messages": [],
        "inferenceConfig": {"topP": 1, "maxTokens": 5},
        "additionalModelRequestFields": {"top_k": 3},
    }
    opened = FORMAT.open(b'{"messages":[],"inferenceConfig":1}', PATH)
    with pytest.raises(ClientError, match="inferenceConfig: expected an object"):
        FORMAT.close(opened, CLAUDE, False, Options(max_tokens=5), BEDROCK)


def encode(*messages: Message, **fields: Any) -> dict[str, Any]:
    request = ChatRequest(origin="openai-chat", model=CLAUDE, messages=list(messages), **fields)
    found: dict[str, Any] = json.loads(FORMAT.encode_request(request, BEDROCK).body)
    return found


def user(*parts: Part) -> Message:
    return Message(role="user", parts=list(parts))


def test_turns_of_one_speaker_become_one() -> None:
    results: list[Part] = [ToolResult(call_id="1"), ToolResult(call_id="2")]
    wire = encode(
        user(Text(text="a")),
        user(Text(text="b")),
        Message(role="assistant", parts=[ToolCall(id="1", name="f"), ToolCall(id="2", name="f")]),
        Message(role="tool", parts=results[:1]),
        Message(role="tool", parts=results[1:]),
        user(Text(text="c")),
    )
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user"]
    assert [list(block) for block in wire["messages"][2]["content"]] == [["toolResult"], ["toolResult"], ["text"]]


def test_the_first_turn_must_be_the_users() -> None:
    with pytest.raises(ClientError, match="must be the user's"):
        encode(Message(role="assistant", parts=[Text(text="x")]))


def test_a_document_has_words_beside_it() -> None:
    wire = encode(user(Document(data="AA==", name="report.pdf")))
    assert wire["messages"][0]["content"][1] == {"text": "report"}
    wire = encode(user(Document(data="AA==", name="report.pdf"), Text(text="Sum up.")))
    assert len(wire["messages"][0]["content"]) == 2


def test_what_bedrock_cannot_do_is_refused() -> None:
    for fields in ({"n": 2}, {"modalities": ["audio"]}):
        with pytest.raises(ClientError, match="not supported by provider bedrock"):
            encode(user(Text(text="x")), **fields)


def test_bedrocks_own_settings_reach_it_from_other_formats() -> None:
    guardrail = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    request = ChatRequest(origin="openai-chat", model=CLAUDE, messages=[user(Text(text="x"))], top_k=5)
    request.extra = {"guardrailConfig": guardrail, "additionalModelRequestFields": {"a.b": 1}, "store": True}
    encoded = FORMAT.encode_request(request, BEDROCK)
    body = json.loads(encoded.body)
    assert body["guardrailConfig"] == guardrail
    assert body["additionalModelRequestFields"] == {"top_k": 5, "a.b": 1}
    assert encoded.dropped == ["store"]
    request.extra = {"additionalModelRequestFields": "x"}
    assert FORMAT.encode_request(request, BEDROCK).dropped == ["additionalModelRequestFields"]


def test_renamed_tools_are_told() -> None:
    request = ChatRequest(origin="openai-chat", model=CLAUDE, messages=[user(Text(text="x"))])
    request.tools = [Tool(name="get.weather"), Tool(name="now")]
    encoded = FORMAT.encode_request(request, BEDROCK)
    names = [tool["toolSpec"]["name"] for tool in json.loads(encoded.body)["toolConfig"]["tools"]]
    assert encoded.renamed == {names[0]: "get.weather"}


WRITTEN = sorted(GOLDEN.glob("*/*.bedrock-converse.json"))
REQUESTS = [path for path in WRITTEN if ".response." not in path.name]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_awss_client_would_send_every_golden_request(path: Path) -> None:
    body = json.loads(path.read_bytes()).get("body")
    if body is not None and "unknown" not in path.name:
        shape = MODEL.shape_for("ConverseRequest")
        report = ParamValidator().validate({"modelId": CLAUDE, **body}, shape).generate_report()
        assert report == ""


words = st.text(st.characters(codec="utf-8", exclude_characters=" \n\t"), min_size=1, max_size=8)
marks = st.none() | st.sampled_from([CacheMark(), CacheMark("1h")])
texts = st.builds(lambda text, cache: Text(text=text, cache=cache), words, marks)
images = st.builds(lambda cache: Image(data="AA==", media_type="image/png", cache=cache), marks)
documents = st.builds(
    lambda n: Document(data="AA==", media_type="application/pdf", name=n), st.from_regex("[a-z]{3}", fullmatch=True)
)
thoughts = st.builds(lambda text, sig: Thinking(text=text, signature=f"anthropic:{sig}"), words, words)
calls = st.builds(
    lambda at, value: ToolCall(id=f"t{at}", name="f", arguments=json.dumps({"a": value}, separators=(",", ":"))),
    st.integers(0, 99),
    st.integers(),
)
results = st.builds(
    lambda at, parts, bad: ToolResult(call_id=f"t{at}", parts=parts, is_error=bad),
    st.integers(0, 99),
    st.lists(words.map(lambda text: Text(text=text)), max_size=2),
    st.booleans(),
)
pairs = st.tuples(
    st.lists(results, max_size=2), st.lists(texts | images, min_size=1, max_size=3),
    st.lists(texts | thoughts | calls, min_size=1, max_size=3),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    request = ChatRequest(origin=FORMAT.name, model=CLAUDE, messages=[])
    system = draw(st.lists(texts, max_size=2))
    if system:
        request.messages.append(Message(role="system", parts=list(system)))
    for found, said, answered in draw(st.lists(pairs, min_size=1, max_size=3)):
        if found:
            request.messages.append(Message(role="tool", parts=list(found)))
        request.messages += [user(*said), Message(role="assistant", parts=list(answered))]
    request.max_tokens = draw(st.none() | st.integers(1, 99))
    request.temperature = draw(st.none() | st.sampled_from([0.0, 0.5, 1.0]))
    request.top_k = draw(st.none() | st.integers(1, 99))
    request.stop = draw(st.lists(words, max_size=2))
    request.service_tier = draw(st.none() | st.sampled_from(["flex", "priority"]))
    request.metadata = draw(st.dictionaries(st.from_regex("[a-z]{2}", fullmatch=True), st.just("x"), max_size=2))
    if draw(st.booleans()):
        request.tools = [Tool(name="f", parameters={"type": "object"}, cache=draw(marks))]
        choices = [None, ToolChoice(mode="auto"), ToolChoice(mode="required", names=["f"])]
        request.tool_choice = draw(st.sampled_from(choices))
    if draw(st.booleans()):
        request.response_format = ResponseFormat(type="json_schema", schema={"type": "object"}, name="n")
    return request


@given(requests())
@settings(max_examples=150)
def test_what_is_written_is_read_the_same(request: ChatRequest) -> None:
    encoded = FORMAT.encode_request(request, BEDROCK)
    assert encoded.dropped == []
    assert FORMAT.decode_request(encoded.body, PATH) == request


def test_an_answer_is_read_the_same_as_it_is_written() -> None:
    parts: list[Part] = [Thinking(text="h", signature="anthropic:s"), Text(text="x"), ToolCall(id="t", name="f")]
    parts[-1].arguments = '{"a":1}'  # type: ignore[union-attr]
    choice = Choice(parts=parts, finish_reason="tool_calls")
    usage = Usage(input=1, output=2, cache_read=3, cache_write=4, cache_write_1h=5)
    response = ChatResponse(origin=FORMAT.name, choices=[choice], usage=usage, service_tier="flex")
    read = FORMAT.decode_response(FORMAT.encode_response(response).body)
    assert read.extra.pop("metrics") == {"latencyMs": 0}
    assert read == response


def test_a_refusal_is_content_that_was_filtered() -> None:
    choice = Choice(parts=[Refusal(text="no")], finish_reason="stop")
    body = json.loads(FORMAT.encode_response(ChatResponse(origin="openai-chat", choices=[choice])).body)
    assert body["stopReason"] == "content_filtered"


def test_an_answer_without_choices_is_none() -> None:
    with pytest.raises(UpstreamError, match="no answer"):
        FORMAT.encode_response(ChatResponse(origin="openai-chat"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "output: is required"),
        (b'{"output":{}}', "output.message: is required"),
        (b'{"output":{"message":{}}}', "output.message.content: is required"),
        (b'{"message":"expired"}', "expired"),
        (b"<html>", "malformed"),
    ],
)
def test_what_is_no_answer_is_told(body: bytes, why: str) -> None:
    with pytest.raises(UpstreamError, match=why):
        FORMAT.decode_response(body)


def test_the_model_that_a_router_chose_is_the_answers() -> None:
    body = (
        b'{"output":{"message":{"role":"assistant","content":[]}},"trace":{"promptRouter":{"invokedModelId":"arn:m"}}}'
    )
    assert FORMAT.decode_response(body).model == "arn:m"


def test_an_error_of_ours_has_bedrocks_form() -> None:
    content_type, body = FORMAT.encode_error(429, "rate_limited", "slow", "r1")
    assert content_type.startswith(b"application/json")
    assert json.loads(body)["__type"] == "ThrottlingException"
    assert FORMAT.decode_error(429, body) == ErrorDetail(status=429, message="slow", type="ThrottlingException")
