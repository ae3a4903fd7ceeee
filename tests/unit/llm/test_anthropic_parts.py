import json
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.anthropic_parts import answer_blocks, decode_input, read_block, wire_id, write_block, write_content
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.reading import ObjectReader
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


def losses(origin: str = "another") -> Losses:
    return Losses(
        ChatRequest(origin=origin, messages=[]), "anthropic-messages", frozenset(), Profile(provider="anthropic")
    )


def written(part: Part, origin: str = "another") -> tuple[list[JsonObject], list[str]]:
    report = losses(origin)
    blocks = write_block(part, report)
    return blocks, report.finish()


TEXT_SOURCE = {"type": "text", "media_type": "text/plain", "data": "x"}
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "x"},
    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "text", "text": "x", "citations": [{"type": "char_location"}]},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
    {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
    {"type": "image", "source": {"type": "file", "file_id": "f"}},
    {"type": "image", "source": {"type": "new"}},
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}, "title": "t"},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
    {"type": "document", "source": {"type": "url", "url": "https://x/y"}},
    {"type": "document", "source": {"type": "file", "file_id": "f"}},
    {"type": "document", "source": {"type": "content", "content": "x"}},
    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}, "caller": {"type": "direct"}},
    {"type": "tool_result", "tool_use_id": "a", "content": "x", "is_error": True},
    {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": [{"type": "text", "text": "x"}, {"type": "tool_reference", "tool_name": "t"}],
    },
    {"type": "thinking", "thinking": "x", "signature": "s"},
    {"type": "redacted_thinking", "data": "d"},
    {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {}},
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["type"])
def test_a_block_is_written_back_as_it_was(block: dict[str, Any]) -> None:
    part = read_block(ObjectReader(json.loads(json.dumps(block)), "b", bad_request))
    assert written(part, "anthropic-messages") == ([block], [])


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Refusal(text="No."), {"type": "text", "text": "No."}),
        (Document(data="eA==", media_type="text/csv"), {"type": "document", "source": TEXT_SOURCE}),
        (Image(data="AA"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}),
        (Text(text="x", cache=CacheMark("30m")), {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
        (ToolResult(call_id="a", parts=[]), {"type": "tool_result", "tool_use_id": "a"}),
        (Thinking(text="x", signature="anthropic:s"), {"type": "thinking", "thinking": "x", "signature": "s"}),
    ],
)  # fmt: skip
def test_parts_of_other_formats_have_their_counterpart(part: Part, block: JsonObject) -> None:
    assert written(part)[0] == [block]


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Thinking(text="unsigned"), "messages[].content[].thinking"),
        (Thinking(text="x", signature="gemini:s"), "messages[].content[].thinking"),
        (Text(text="x", signature="s"), "messages[].content[].thoughtSignature"),
        (Image(data="AA", signature="s"), "messages[].content[].thoughtSignature"),
        (Document(data="AA", signature="s"), "messages[].content[].thoughtSignature"),
        (ToolCall(id="a", name="f", signature="s"), "messages[].tool_calls[].extra_content"),
        (Text(text=" ", cache=CacheMark()), "messages[].content[].prompt_cache_breakpoint"),
        (Text(text="x", cache=CacheMark("24h")), "messages[].content[].prompt_cache_breakpoint.ttl"),
    ],
)
def test_what_has_no_place_is_reported(part: Part, lost: str) -> None:
    assert written(part)[1] == [lost]


@pytest.mark.parametrize(
    "part",
    [
        Audio(data="AA"),
        Native(type="executableCode", value={}),
        Image(file_id="f"),
        Image(url="ftp://x"),
        Document(file_id="f"),
        Document(data="AA", media_type="application/zip"),
        Document(url="https://x/y.mp4", media_type="video/mp4"),
        Document(data="/w==", media_type="text/plain"),
        ToolCall(id="a", name="f", is_custom=True),
    ],
)
def test_what_cannot_be_said_is_refused(part: Part) -> None:
    with pytest.raises(ClientError, match="not supported by provider anthropic"):
        written(part)


def test_blank_text_of_others_is_left_out_because_anthropic_refuses_it() -> None:
    assert written(Text(text=" \n"))[0] == []
    assert written(Text(text=" "), "anthropic-messages")[0] == [{"type": "text", "text": " "}]


def test_a_single_text_needs_no_list() -> None:
    assert write_content([Text(text="x")], losses()) == "x"
    assert write_content([Text(text="x", cache=CacheMark())], losses()) != "x"


def test_ids_that_anthropic_refuses_are_replaced_and_stay_distinct() -> None:
    assert wire_id("call_1-a") == "call_1-a"
    strange = [wire_id(name) for name in ("a.b", "a:b", "a b", "")]
    assert len(set(strange)) == 4
    assert all(name.replace("_", "").replace("-", "").isalnum() for name in strange)
    assert wire_id("a.b") == wire_id("a.b")


def test_an_answer_keeps_what_clients_know_and_names_what_they_do_not() -> None:
    dropped: list[str] = []
    parts: list[Part] = [
        Thinking(text="t", signature="anthropic:s"),
        Thinking(redacted="anthropic:r"),
        Text(text="x", extra={"citations": []}),
        Refusal(text="no"),
        ToolCall(id="a", name="f", arguments="{oops", signature="g", extra={"parsed": {}}),
        Image(data="AA"),
        Native(type="code", value={}),
    ]
    blocks = answer_blocks(parts, False, dropped)
    kinds = [block["type"] for block in blocks]
    assert kinds == ["thinking", "redacted_thinking", "text", "text", "thinking", "tool_use"]
    assert blocks[0]["signature"] == "s"
    assert blocks[4]["signature"] == "gemini:g"
    assert blocks[5]["input"] == {"arguments": "{oops"}
    assert dropped == ["citations", "parsed", "image", "code"]


def test_streamed_input_is_decoded_where_it_can_be() -> None:
    assert [decode_input(text) for text in ("", '{"a":1}', "{oops")] == [{}, {"a": 1}, "{oops"]
