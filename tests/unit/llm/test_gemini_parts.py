import base64
import json
from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.gemini_parts import CallIds, answer_parts, made_id, named, read_part, write_parts
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


def read(wire: dict[str, Any], ids: CallIds | None = None) -> Part:
    return read_part(ObjectReader(json.loads(json.dumps(wire)), "p", bad_request), ids)


def written(
    *parts: Part, origin: str = "another", names: dict[str, str] | None = None
) -> tuple[list[JsonObject], list[str]]:
    losses = Losses(ChatRequest(origin=origin, messages=[]), "gemini", frozenset(), Profile(provider="gemini"))
    return write_parts(parts, names or {}, losses), losses.finish()


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
PARTS: list[dict[str, Any]] = [
    {"text": "x"},
    {"text": "x", "thoughtSignature": "s"},
    {"text": "x", "thought": True, "thoughtSignature": "c2ln"},
    {"inlineData": {"mimeType": "image/png", "data": "AA"}},
    {"inlineData": {"mimeType": "image/png", "data": "AA", "displayName": "n"}},
    {"inlineData": {"mimeType": "audio/wav", "data": "AA"}},
    {"inlineData": {"mimeType": "application/pdf", "data": "AA", "displayName": "n"}},
    {"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}},
    {"fileData": {"mimeType": "audio/wav", "fileUri": "gs://x/y"}},
    {"fileData": {"mimeType": "video/mp4", "fileUri": "https://x/y"}, "videoMetadata": {"fps": 2}},
    {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "s"},
    {"functionCall": {"id": "a", "name": "f", "args": {}, "willContinue": False}},
    {"functionResponse": {"id": "a", "name": "f", "response": {"x": 1}, "scheduling": "SILENT"}},
    {"functionResponse": {"id": "a", "name": "f", "response": {}, "parts": [PICTURE]}},
    {"executableCode": {"language": "PYTHON", "code": "x"}, "thoughtSignature": "s"},
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: next(iter(part)))
def test_a_part_is_written_back_as_it_was(part: dict[str, Any]) -> None:
    wire, dropped = written(read(part), origin="gemini")
    assert (wire, dropped) == ([part], [])


def test_both_spellings_are_read() -> None:
    part = read(
        {"inline_data": {"mime_type": "image/png", "data": "AA", "display_name": "n"}, "thought_signature": "s"}
    )
    assert isinstance(part, Image)
    assert (part.media_type, part.signature, part.extra) == ("image/png", "s", {"inlineData.displayName": "n"})
    assert named(ObjectReader({"max_x": 1}, "", bad_request), "maxX") == "max_x"
    assert named(ObjectReader({}, "", bad_request), "maxX") == "maxX"


# Ids.


def test_calls_without_ids_get_stable_ones_and_results_find_them_by_name_and_order() -> None:
    ids = CallIds()
    calls = [read({"functionCall": {"name": name}}, ids) for name in ("f", "g", "f")]
    results = [read({"functionResponse": {"name": name}}, ids) for name in ("g", "f", "f", "h")]
    call_ids = [call.id for call in calls if isinstance(call, ToolCall)]
    assert len(set(call_ids)) == 3
    assert [part.call_id for part in results if isinstance(part, ToolResult)] == [
        call_ids[1],
        call_ids[0],
        call_ids[2],
        "gcall_0_h",
    ]


def test_a_result_that_names_its_call_leaves_the_others_to_order() -> None:
    ids = CallIds()
    for call_id in ("a", "b"):
        read({"functionCall": {"id": call_id, "name": "f"}}, ids)
    read({"functionResponse": {"id": "a", "name": "f"}}, ids)
    last = read({"functionResponse": {"name": "f"}}, ids)
    assert isinstance(last, ToolResult)
    assert last.call_id == "b"


def test_ids_made_for_an_answer_differ_between_answers_and_places() -> None:
    made = {
        made_id("r", 0, 0, "f", "{}"),
        made_id("s", 0, 0, "f", "{}"),
        made_id("r", 0, 1, "f", "{}"),
        made_id("r", 1, 0, "f", "{}"),
    }
    assert len(made) == 4
    assert made_id("r", 0, 0, "f", "{}") in made


def test_made_ids_are_never_sent_to_gemini() -> None:
    call = ToolCall(id=made_id("r", 0, 0, "f", ""), name="f")
    result = ToolResult(call_id=call.id, parts=[Text(text="x")])
    wire, _ = written(call, result, names={call.id: "f"})
    assert wire == [
        {"functionCall": {"name": "f", "args": {}}},
        {"functionResponse": {"name": "f", "response": {"output": "x"}}},
    ]


# Writing. That results carry the tool's own name is one of Kong's known defects.


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult(call_id="a", parts=[Text(text="sunny")]), {"output": "sunny"}),
        (ToolResult(call_id="a", parts=[Text(text='{"x":1}')]), {"x": 1}),
        (ToolResult(call_id="a", parts=[Text(text="[1]")]), {"output": "[1]"}),
        (ToolResult(call_id="a", parts=[Text(text="{oops")]), {"output": "{oops"}),
        (ToolResult(call_id="a", parts=[Text(text="a"), Text(text="b")]), {"output": "a\nb"}),
        (ToolResult(call_id="a", parts=[Document(text="d")]), {"output": "d"}),
        (ToolResult(call_id="a", parts=[Native(type="t", value={"k": 1})]), {"k": 1}),
        (ToolResult(call_id="a", parts=[Text(text="no")], is_error=True), {"error": "no"}),
        (ToolResult(call_id="a", parts=[Text(text='{"x":1}')], is_error=True), {"error": {"x": 1}}),
        (ToolResult(call_id="a"), {"output": ""}),
    ],
)
def test_results_have_the_name_of_their_tool_and_become_objects(result: ToolResult, response: object) -> None:
    wire, _ = written(result, names={"a": "get_weather"})
    assert wire == [{"functionResponse": {"name": "get_weather", "response": response, "id": "a"}}]


def test_pictures_in_a_result_go_along() -> None:
    wire, _ = written(ToolResult(call_id="a", name="f", parts=[Image(data="AA", media_type="image/png")]))
    function: Any = wire[0]["functionResponse"]
    assert function["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (Refusal(text="No."), {"text": "No."}),
        (Image(url="https://x/y.JPG?z=1"), {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/y.JPG?z=1"}}),
        (Image(url="https://x/y"), {"fileData": {"fileUri": "https://x/y"}}),
        (Image(data="AA"), {"inlineData": {"mimeType": "image/png", "data": "AA"}}),
        (Audio(data="AA"), {"inlineData": {"mimeType": "audio/wav", "data": "AA"}}),
        (Document(data="AA"), {"inlineData": {"mimeType": "application/pdf", "data": "AA"}}),
        (Document(text="x", name="n"), {"inlineData": {"mimeType": "text/plain", "data": "eA==", "displayName": "n"}}),
        (
            ToolCall(id="a", name="f", arguments="{oops"),
            {"functionCall": {"id": "a", "name": "f", "args": {"arguments": "{oops"}}},
        ),
    ],
)
def test_parts_of_other_formats_have_their_counterpart(part: Part, wire: object) -> None:
    assert written(part)[0] == [wire]


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Text(text="x", cache=CacheMark()), "messages[].content[].cache_control"),
        (Image(data="AA", detail="low"), "messages[].content[].image_url.detail"),
        (Thinking(text="x"), "messages[].content[].thinking"),
        (Thinking(text="x", signature="anthropic:s"), "messages[].content[].thinking"),
    ],
)
def test_what_has_no_place_is_reported(part: Part, lost: str) -> None:
    assert written(part)[1] == [lost]


@pytest.mark.parametrize(
    "part",
    [
        Native(type="server_tool_use", value={}),
        Image(file_id="f"),
        ToolCall(id="a", name="f", is_custom=True),
        ToolResult(call_id="unknown"),
    ],
)
def test_what_cannot_be_said_is_refused(part: Part) -> None:
    with pytest.raises(ClientError, match="not supported by provider gemini"):
        written(part)


def test_a_signature_on_its_way_home_goes_to_the_part_it_belongs_to() -> None:
    carrier = Thinking(signature="gemini:s")
    wire, dropped = written(Thinking(text="hm"), carrier, ToolCall(id="a", name="f"))
    assert wire == [{"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "s"}]
    assert dropped == ["messages[].content[].thinking"]


# Answers.


def test_an_answer_keeps_what_clients_know_and_names_what_they_do_not() -> None:
    dropped: list[str] = []
    parts: list[Part] = [
        Thinking(text="t", signature="anthropic:s"),
        Thinking(text="u", signature="gemini:s"),
        Text(text="x", signature="g", extra={"citations": []}),
        ToolCall(id="a", name="f", arguments='{"x":1}', signature="g"),
        Image(data="AA", media_type="image/png"),
        Image(file_id="f"),
        Audio(data="AA", media_type="audio/wav", transcript="Hello"),
        Native(type="server_tool_use", value={}),
    ]
    wire = answer_parts(parts, False, dropped)
    wrapped = base64.b64encode(b"anthropic:s").decode()
    assert wire == [
        {"text": "t", "thought": True, "thoughtSignature": wrapped},
        {"text": "u", "thought": True, "thoughtSignature": "s"},
        {"text": "x", "thoughtSignature": "g"},
        {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "g"},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AA"}},
    ]
    assert dropped == ["citations", "image", "transcript", "server_tool_use"]
    assert read(wire[0]) == Thinking(text="t", signature="anthropic:s")


def test_what_another_maker_encrypted_comes_home_as_what_it_was() -> None:
    thought = Thinking(redacted="anthropic:EmwKAhgBEgy3")
    said = answer_parts([thought], False, [])
    assert read_part(ObjectReader(said[0], "parts[0]", bad_request), None) == thought
