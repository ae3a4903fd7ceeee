from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.ollama_messages import (
    MADE_ID,
    CallIds,
    answer_call,
    made_id,
    read_call,
    read_messages,
    write_messages,
)
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

PNG = "iVBORw0KGgo="


def read(*wire: dict[str, Any]) -> list[Message]:
    return read_messages([ObjectReader(each, f"messages[{at}]", bad_request) for at, each in enumerate(wire)])


def written(messages: list[Message], origin: str = "openai-chat") -> tuple[list[dict[str, Any]], list[str]]:
    request = ChatRequest(origin=origin, messages=messages)
    losses = Losses(request, "ollama-chat", frozenset(), Profile(provider="ollama"))
    return write_messages(messages, losses), losses.finish()


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def test_results_find_their_calls_by_name_and_order() -> None:
    messages = read(
        {"role": "assistant", "tool_calls": [call("f", x=1), call("g"), call("f", x=2)]},
        {"role": "tool", "content": "g", "tool_name": "g"},
        {"role": "tool", "content": "first f", "tool_name": "f"},
        {"role": "tool", "content": "second f"},
        {"role": "user", "content": "again"},
        {"role": "assistant", "tool_calls": [call("f", x=3)]},
        {"role": "tool", "content": "third f", "tool_name": "f"},
    )
    ids = [part.id for message in messages for part in message.parts if isinstance(part, ToolCall)]
    assert ids == [f"{MADE_ID}{number}" for number in (1, 2, 3, 4)]
    results = [part for message in messages for part in message.parts if isinstance(part, ToolResult)]
    assert [(result.call_id, result.parts) for result in results] == [
        (ids[1], [Text(text="g")]),
        (ids[0], [Text(text="first f")]),
        (ids[2], [Text(text="second f")]),
        (ids[3], [Text(text="third f")]),
    ]
    assert [message.role for message in messages] == ["assistant", "tool", "user", "assistant", "tool"]


def test_made_ids_are_never_written() -> None:
    wire: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "tool_calls": [call("f", x=1), {"id": "call_9"} | call("g")]},
        {"role": "tool", "content": "1", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_name": "g", "tool_call_id": "call_9"},
    ]
    assert written(read(*wire), "ollama-chat") == (wire, [])
    assert written(read(*wire)) == (wire, [])


def test_a_result_without_a_call_is_kept() -> None:
    ids = CallIds()
    assert ids.of_result(None, "f") == f"{MADE_ID}0"
    assert ids.of_result("call_1", "f") == "call_1"


def test_ids_of_answers_differ_with_all_they_are_made_of() -> None:
    made = {
        made_id(*each) for each in [("t", 0, "f", "{}"), ("u", 0, "f", "{}"), ("t", 1, "f", "{}"), ("t", 0, "g", "{}")]
    }
    assert len(made) == 4
    assert made_id("t", 0, "f", "{}") in made


@pytest.mark.parametrize(
    ("wire", "match"),
    [
        ({"content": "x"}, r"messages\[0\].role: is required"),
        ({"role": "wizard"}, r"messages\[0\].role: unknown role 'wizard'"),
        ({"role": "user", "content": [{"type": "text"}]}, "content: expected a string"),
        ({"role": "user", "images": "x"}, "images: expected a list"),
        ({"role": "assistant", "tool_calls": [{}]}, "function: is required"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": []}}]}, "arguments: expected an"),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused(wire: dict[str, Any], match: str) -> None:
    with pytest.raises(ClientError, match=match):
        read(wire)


def test_what_no_other_format_has_is_kept_beside() -> None:
    (user,) = read({"role": "User", "content": "x", "thinking": "y", "tool_calls": []})
    assert (user.role, user.parts) == ("user", [Text(text="x")])
    assert user.extra == {"thinking": "y", "tool_calls": []}
    (tool,) = read({"role": "tool", "content": "x", "name": "f"})
    assert isinstance(tool.parts[0], ToolResult)
    assert tool.parts[0].extra == {"name": "f"}


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        ("/9j/4AAQ", "image/jpeg"),
        (PNG, "image/png"),
        ("UklGRgAA", "image/webp"),
        ("R0lGODlh", "image/gif"),
        ("AAAA", None),
    ],
)
def test_the_type_of_an_image_is_in_its_first_bytes(data: str, media_type: str | None) -> None:
    (message,) = read({"role": "user", "content": "x", "images": [data]})
    assert message.parts == [Image(data=data, media_type=media_type), Text(text="x")]


def test_a_data_url_is_an_image_too() -> None:
    (message,) = read({"role": "user", "images": [f"data:image/webp;base64,{PNG}"]})
    assert message.parts == [Image(data=PNG, media_type="image/webp")]


@pytest.mark.parametrize(
    ("written", "arguments"),
    [('{"x": 1}', '{"x": 1}'), ("", ""), ("no JSON", '{"arguments":"no JSON"}'), ("[1]", '{"arguments":"[1]"}')],
)
def test_arguments_written_as_text_become_an_object(written: str, arguments: str) -> None:
    call = read_call(ObjectReader({"function": {"name": "f", "arguments": written}}, "", bad_request))
    assert call.arguments == arguments


def test_words_after_an_image_keep_their_place() -> None:
    parts: list[Part] = [Text(text="Look:"), Image(data="A"), Image(data="B"), Text(text="And?"), Image(data="C")]
    assert written([Message(role="user", parts=parts)]) == (
        [
            {"role": "user", "content": "Look:"},
            {"role": "user", "content": "And?", "images": ["A", "B"]},
            {"role": "user", "content": "", "images": ["C"]},
        ],
        [],
    )


def test_texts_become_one() -> None:
    parts: list[Part] = [Text(text="a"), Text(text="b"), Document(text="c", name="n")]
    assert written([Message(role="developer", parts=parts)]) == (
        [{"role": "system", "content": "a\nb\nc"}],
        ["messages[].content[].title"],
    )
    said: list[Part] = [Text(text="a"), Refusal(text="b")]
    assert written([Message(role="assistant", parts=said)])[0] == [{"role": "assistant", "content": "ab"}]


def test_thinking_goes_back_without_what_others_signed() -> None:
    parts: list[Part] = [Thinking(text="hm", signature="anthropic:x"), Thinking(redacted="y"), Text(text="a")]
    wire, dropped = written([Message(role="assistant", parts=parts)])
    assert wire == [{"role": "assistant", "content": "a", "thinking": "hm"}]
    assert dropped == ["messages[].content[].signature"]


def test_a_models_pictures_go_back() -> None:
    wire, _ = written([Message(role="assistant", parts=[Text(text="a"), Image(data="A")])])
    assert wire == [{"role": "assistant", "content": "a", "images": ["A"]}]


def test_marks_are_reported() -> None:
    parts: list[Part] = [
        Text(text="a", cache=CacheMark(), signature="s"),
        Image(data="A", detail="low"),
    ]
    calls: list[Part] = [ToolCall(id="1", name="f", signature="s", cache=CacheMark())]
    results: list[Part] = [ToolResult(call_id="1", is_error=True, cache=CacheMark())]
    _, dropped = written(
        [
            Message(role="user", parts=parts, name="n"),
            Message(role="assistant", parts=calls),
            Message(role="tool", parts=results),
        ]
    )
    assert dropped == [
        "messages[].name",
        "messages[].content[].cache_control",
        "messages[].content[].signature",
        "messages[].content[].image_url.detail",
        "messages[].tool_calls[].extra_content",
        "messages[].tool_calls[].cache_control",
        "messages[].tool_results[].is_error",
        "messages[].tool_results[].cache_control",
    ]


def test_results_have_their_tools_name_and_their_pictures() -> None:
    results: list[Part] = [
        ToolResult(
            call_id="c1",
            parts=[Text(text="a"), Image(data="A"), Document(text="d"), Native(type="x", value={"y": 1})],
        )
    ]
    wire, _ = written(
        [Message(role="assistant", parts=[ToolCall(id="c1", name="f")]), Message(role="tool", parts=results)]
    )
    assert wire[1] == {
        "role": "tool",
        "content": 'a\nd\n{"y":1}',
        "images": ["A"],
        "tool_name": "f",
        "tool_call_id": "c1",
    }


@pytest.mark.parametrize(
    "part",
    [
        Image(url="https://example.com/a.png"),
        Image(file_id="f"),
        Audio(data="A", media_type="audio/wav"),
        Document(data="A", media_type="application/pdf"),
        Native(type="server_tool_use", value={}),
        ToolResult(call_id="c"),
    ],
)
def test_what_ollama_cannot_take_is_refused(part: Part) -> None:
    with pytest.raises(ClientError, match="not supported by provider ollama"):
        written([Message(role="user", parts=[part])])


def test_a_tool_message_of_anything_else_is_refused() -> None:
    with pytest.raises(ClientError, match="only tool results"):
        written([Message(role="tool", parts=[Text(text="x")])])
    with pytest.raises(ClientError, match="free text"):
        written([Message(role="assistant", parts=[ToolCall(id="c", name="f", is_custom=True)])])


def test_no_messages_load_a_model_for_its_own_clients_only() -> None:
    assert written([], "ollama-chat") == ([], [])
    with pytest.raises(ClientError, match="at least one message"):
        written([])


def test_calls_of_answers_have_objects_for_arguments() -> None:
    assert answer_call(ToolCall(id="c", name="f", arguments='{"x":1}'), 2) == {
        "id": "c",
        "function": {"index": 2, "name": "f", "arguments": {"x": 1}},
    }
    broken = answer_call(ToolCall(id=f"{MADE_ID}1", name="f", arguments='{"x":'), 0)
    assert broken == {"function": {"index": 0, "name": "f", "arguments": {"arguments": '{"x":'}}}
