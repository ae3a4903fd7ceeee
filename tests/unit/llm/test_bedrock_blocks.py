"""Parts as blocks of Converse."""

import base64
import re
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.bedrock_blocks import BlockWriter, answer_blocks, redacted_blob
from entresol.llm.bedrock_parts import read_redacted
from entresol.llm.format import Losses, Profile
from entresol.llm.types import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

CLAUDE = "anthropic.claude-sonnet-4-5"
PDF = "application/pdf"


def write(*parts: Part, model: str = CLAUDE, origin: str = "openai-chat") -> tuple[list[JsonObject], list[str]]:
    request = ChatRequest(origin=origin, messages=[])
    losses = Losses(request, "bedrock-converse", frozenset(), Profile(provider="bedrock"))
    return BlockWriter(losses, model).blocks(parts), losses.finish()


def block(part: Part, **settings: Any) -> JsonObject:
    (only,), _ = write(part, **settings)
    return only


def test_blank_text_is_left_out_and_its_mark_reported() -> None:
    assert write(Text(text=" \n"), Refusal(text="")) == ([], [])
    assert write(Text(text="", cache=CacheMark())) == ([], ["messages[].content[].cache_control"])


def test_a_mark_becomes_a_cache_point_after_the_block() -> None:
    blocks, dropped = write(Text(text="x", cache=CacheMark("1h")))
    assert blocks == [{"text": "x"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert dropped == []


def test_a_mark_is_reported_where_the_model_takes_none() -> None:
    assert write(Text(text="x", cache=CacheMark()), model="meta.llama3-70b") == (
        [{"text": "x"}],
        ["messages[].content[].cache_control"],
    )


def test_a_lifetime_that_bedrock_does_not_know_is_reported() -> None:
    blocks, dropped = write(Text(text="x", cache=CacheMark("24h")))
    assert blocks[1] == {"cachePoint": {"type": "default"}}
    assert dropped == ["messages[].content[].cache_control.ttl"]


def test_signed_reasoning_goes_back_to_claude_alone() -> None:
    thought = Thinking(text="h", signature="anthropic:s")
    assert block(thought) == {"reasoningContent": {"reasoningText": {"text": "h", "signature": "s"}}}
    assert block(Thinking(redacted="anthropic:cg==")) == {"reasoningContent": {"redactedContent": "cg=="}}
    for lost in (
        Thinking(text="h"),
        Thinking(text="h", signature="gemini:s"),
        Thinking(redacted="anthropic:no base64"),
    ):
        assert write(lost) == ([], ["messages[].content[].thinking"])
    assert write(thought, model="amazon.nova-pro-v1:0") == ([], ["messages[].content[].thinking"])


def test_a_call_keeps_to_what_every_model_takes() -> None:
    call = ToolCall(id="call.1", name="get.weather", arguments='{"a":')
    use = block(call)["toolUse"]
    assert isinstance(use, dict)
    assert re.fullmatch("call_1_[0-9a-f]{8}", use["toolUseId"])
    assert re.fullmatch("get_weather_[0-9a-f]{8}", use["name"])
    assert use["input"] == {"arguments": '{"a":'}


def test_a_call_with_free_text_is_refused() -> None:
    with pytest.raises(ClientError, match="free text"):
        write(ToolCall(id="1", name="f", arguments="x", is_custom=True))


RESULTS: list[tuple[ToolResult, JsonObject]] = [
    (ToolResult(call_id="t", parts=[Text(text="plain words")]), {"content": [{"text": "plain words"}]}),
    (ToolResult(call_id="t", parts=[Text(text='{"a":1}')]), {"content": [{"text": '{"a":1}'}]}),
    (ToolResult(call_id="t", parts=[Text(text='{"a":1}')], is_object=True), {"content": [{"json": {"a": 1}}]}),
    (ToolResult(call_id="t", parts=[Text(text='{"a"')], is_object=True), {"content": [{"text": '{"a"'}]}),
    (ToolResult(call_id="t", parts=[Text(text="")]), {"content": []}),
    (ToolResult(call_id="t", parts=[Text(text="no")], is_error=True), {"content": [{"text": "no"}], "status": "error"}),
    (
        ToolResult(call_id="t", parts=[Image(data="AA==", media_type="image/png")]),
        {"content": [{"image": {"format": "png", "source": {"bytes": "AA=="}}}]},
    ),
]


@pytest.mark.parametrize(("result", "wire"), RESULTS)
def test_a_tools_result_needs_not_be_json(result: ToolResult, wire: JsonObject) -> None:
    assert block(result) == {"toolResult": {"toolUseId": "t"} | wire}


def test_a_failure_is_reported_where_the_model_has_no_word_for_it() -> None:
    blocks, dropped = write(ToolResult(call_id="t", is_error=True), model="meta.llama3-70b")
    assert blocks == [{"toolResult": {"toolUseId": "t", "content": []}}]
    assert dropped == ["messages[].tool_results[].is_error"]


@pytest.mark.parametrize("part", [Audio(data="AA==", media_type="audio/wav"), Native(type="x", value={})])
def test_what_no_tool_result_holds_is_refused(part: Any) -> None:
    with pytest.raises(ClientError, match="not supported"):
        write(ToolResult(call_id="t", parts=[part]))


FILES: list[tuple[Part, JsonObject]] = [
    (Image(data="AA=="), {"image": {"format": "png", "source": {"bytes": "AA=="}}}),
    (Image(url="s3://bucket/cat.webp"),
     {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/cat.webp"}}}}),
    (Document(data="AA==", name="a.b.pdf"),
     {"document": {"format": "pdf", "name": "a-b", "source": {"bytes": "AA=="}}}),
    (Document(data="AA==", media_type="text/x-python"),
     {"document": {"format": "txt", "name": "document", "source": {"bytes": "AA=="}}}),
    (Document(text="hi", media_type="text/markdown", name="n"),
     {"document": {"format": "md", "name": "n", "source": {"bytes": base64.b64encode(b"hi").decode()}}}),
    (Document(data="AA==", media_type="video/mp4"), {"video": {"format": "mp4", "source": {"bytes": "AA=="}}}),
    (Audio(data="AA==", media_type="audio/mpeg"), {"audio": {"format": "mp3", "source": {"bytes": "AA=="}}}),
]  # fmt: skip


@pytest.mark.parametrize(("part", "wire"), FILES)
def test_a_file_becomes_a_block(part: Part, wire: JsonObject) -> None:
    assert block(part) == wire


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (Image(url="https://a.test/cat.png"), "base64 or lie in S3"),
        (Image(file_id="f"), "base64 or lie in S3"),
        (Image(data="AA==", media_type="image/tiff"), "JPEG, PNG, GIF or WebP"),
        (Document(data="AA==", media_type="application/zip"), "PDF, an office document or text"),
        (Document(text=" "), "must not be empty"),
        (Audio(data="AA==", media_type="audio/amr"), "audio of type audio/amr"),
        (Native(type="web_search", value={}), "no counterpart"),
    ],
)
def test_what_bedrock_cannot_read_is_refused(part: Part, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        write(part)


def test_documents_of_one_request_do_not_share_a_name() -> None:
    blocks, _ = write(Document(data="AA==", name="a.pdf"), Document(data="AA==", name="a.pdf"))
    assert [each["document"]["name"] for each in blocks] == ["a", "a 2"]  # type: ignore[index]


def test_small_things_that_others_say_are_reported() -> None:
    _, dropped = write(
        Text(text="x", signature="s"),
        Image(data="AA==", detail="low", signature="s"),
        ToolCall(id="t", name="f", signature="s"),
        ToolResult(call_id="t", parts=[Text(text="x", cache=CacheMark())]),
    )
    assert dropped == [
        "messages[].content[].thoughtSignature",
        "messages[].content[].image_url.detail",
        "messages[].tool_calls[].extra_content",
        "messages[].tool_results[].content[].cache_control",
    ]


@pytest.mark.parametrize("redacted", ["anthropic:cg==", "anthropic:no base64", "gemini:secret"])
def test_encrypted_reasoning_is_base64_for_clients_and_finds_its_way_home(redacted: str) -> None:
    blob = redacted_blob(redacted)
    base64.b64decode(blob, validate=True)
    assert read_redacted(blob) == redacted


def test_an_answer_is_written_for_a_client() -> None:
    dropped: list[str] = []
    parts: list[Part] = [
        Thinking(text="h", signature="gemini:s"),
        Text(text="x", extra={"annotations": []}),
        Refusal(text="no"),
        ToolCall(id="t", name="any name", arguments="{}", signature="sig"),
        Image(data="AA==", media_type="image/png"),
        Audio(data="AA==", media_type="audio/wav"),
    ]
    assert answer_blocks(parts, False, dropped) == [
        {"reasoningContent": {"reasoningText": {"text": "h", "signature": "gemini:s"}}},
        {"text": "x"},
        {"text": "no"},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "gemini:sig"}}},
        {"toolUse": {"toolUseId": "t", "name": "any name", "input": {}}},
        {"image": {"format": "png", "source": {"bytes": "AA=="}}},
    ]
    assert dropped == ["annotations", "audio"]
