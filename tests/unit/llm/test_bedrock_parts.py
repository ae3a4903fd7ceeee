"""Blocks of Converse, read."""

import base64
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.bedrock_parts import read_blocks, read_redacted
from entresol.llm.format import bad_request
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    CacheMark,
    Document,
    Image,
    JsonObject,
    Native,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def read(*blocks: Any) -> list[Part]:
    return read_blocks([ObjectReader(block, f"content[{at}]", bad_request) for at, block in enumerate(blocks)])


def use(**fields: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}, **fields}}


def result(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": "t", "content": list(content), **fields}}


FILE = {"format": "png", "source": {"bytes": "AA=="}}
CASES: list[tuple[dict[str, Any], Part]] = [
    ({"text": "x"}, Text(text="x")),
    ({"text": ""}, Text(text="")),
    (use(), ToolCall(id="t", name="f", arguments='{"a":1}')),
    (use(input=None), ToolCall(id="t", name="f", arguments="{}")),
    ({"image": FILE}, Image(data="AA==", media_type="image/png")),
    ({"image": {**FILE, "error": {"message": "x"}}},
     Image(data="AA==", media_type="image/png", extra={"image.error": {"message": "x"}})),
    ({"audio": {**FILE, "format": "wav"}}, Audio(data="AA==", media_type="audio/wav")),
    ({"video": {**FILE, "format": "three_gp"}}, Document(data="AA==", media_type="video/3gpp")),
    ({"document": {"name": "N", "format": "docx", "source": {"bytes": "AA=="}, "context": "c"}},
     Document(data="AA==", name="N", extra={"document.context": "c"}, media_type=(
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"))),
    ({"document": {"name": "N", "source": {"text": "x"}}}, Document(text="x", name="N", media_type="text/plain")),
    ({"reasoningContent": {"reasoningText": {"text": "h", "signature": "s"}}},
     Thinking(text="h", signature="anthropic:s")),
    ({"reasoningContent": {"reasoningText": {"text": "h"}}}, Thinking(text="h")),
    ({"reasoningContent": {"reasoningText": {"text": "", "signature": "gemini:s"}}},
     Thinking(signature="gemini:s")),
    ({"reasoningContent": {"redactedContent": "cg=="}}, Thinking(redacted="anthropic:cg==")),
    ({"guardContent": {"text": {"text": "x", "qualifiers": ["query"]}}},
     Text(text="x", extra={"guardContent": {"qualifiers": ["query"]}})),
    ({"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "T"}]}},
     Text(text="ab", extra={"citationsContent.citations": [{"title": "T"}]})),
    (result({"text": "x"}), ToolResult(call_id="t", parts=[Text(text="x")])),
    (result({"json": {"a": 1}}), ToolResult(call_id="t", parts=[Text(text='{"a":1}')], is_object=True)),
    (result({"json": [1]}), ToolResult(call_id="t", parts=[Text(text="[1]")])),
    (result({"json": {"a": 1}}, {"text": "x"}),
     ToolResult(call_id="t", parts=[Text(text='{"a":1}'), Text(text="x")])),
    (result({"image": FILE}, status="error"),
     ToolResult(call_id="t", parts=[Image(data="AA==", media_type="image/png")], is_error=True)),
    (result(status="success"), ToolResult(call_id="t")),
]  # fmt: skip


@pytest.mark.parametrize(("block", "part"), CASES)
def test_a_block_becomes_a_part(block: dict[str, Any], part: Part) -> None:
    assert read(block) == [part]


@pytest.mark.parametrize(
    "block",
    [
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        {"document": {"name": "N", "source": {"content": [{"text": "x"}]}}},
        {"guardContent": {"image": FILE}},
        use(type="server_tool_use"),
        result({"text": "x"}, type="grounding"),
        {"searchResult": {"source": "s", "title": "t", "content": []}},
        {"toolAddition": {"tool": {"name": "x"}}},
        {"hologram": {}},
    ],
)
def test_what_only_bedrock_knows_stays_as_it_is(block: dict[str, Any]) -> None:
    assert read(block) == [Native(type=next(iter(block)), value=block)]


def test_a_cache_point_marks_what_stands_before_it() -> None:
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert read({"text": "x"}, point) == [Text(text="x", cache=CacheMark("1h"))]
    assert read(use(), {"cachePoint": {"type": "default"}})[0].cache == CacheMark()  # type: ignore[union-attr]


def test_a_cache_point_without_anything_to_mark_stays_as_it_is() -> None:
    point: JsonObject = {"cachePoint": {"type": "default"}}
    native = Native(type="cachePoint", value=point)
    assert read(point) == [native]
    assert read({"text": "x"}, point, point) == [Text(text="x", cache=CacheMark()), native]


def test_another_providers_encrypted_reasoning_is_found_inside_the_base64() -> None:
    assert read_redacted(base64.b64encode(b"gemini:secret").decode()) == "gemini:secret"
    assert read_redacted("bm90IG5hbWVk") == "anthropic:bm90IG5hbWVk"
    assert read_redacted("not base64") == "anthropic:not base64"


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"text": 1}, r"content\[0\].text: expected a string, got a number"),
        ({"toolUse": {"name": "f"}}, r"content\[0\].toolUse.toolUseId: is required"),
        ({"toolUse": []}, r"content\[0\].toolUse: expected an object"),
        ({"image": {"format": "png"}}, r"content\[0\].image.source: is required"),
        ({"reasoningContent": {}}, r"content\[0\].reasoningContent.reasoningText: is required"),
        (result(use()), r"content\[0\].toolResult.content: a tool result holds"),
    ],
)
def test_a_wrong_block_is_refused_by_its_path(block: dict[str, Any], path: str) -> None:
    with pytest.raises(ClientError, match=path):
        read(block)
