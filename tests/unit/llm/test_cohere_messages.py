from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.cohere_messages import MessageWriter, call_object, read_assistant, read_content, read_messages
from entresol.llm.format import Losses, Profile, Unsupported, bad_request
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
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def read(*messages: Any) -> list[Message]:
    return read_messages([ObjectReader(each, "messages[0]", bad_request) for each in messages])


def writer(origin: str = "other", thinks: bool = True) -> tuple[MessageWriter, Losses]:
    request = ChatRequest(origin=origin, messages=[])
    losses = Losses(request, "cohere-chat", frozenset(), Profile(provider="cohere"))
    return MessageWriter(losses, thinks), losses


def written(*messages: Message, origin: str = "other", thinks: bool = True) -> tuple[Any, list[str]]:
    with_losses, losses = writer(origin, thinks)
    return with_losses.write(list(messages)), losses.finish()


def turn(role: Role, *parts: Part) -> Message:
    return Message(role=role, parts=list(parts))


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def test_what_was_said_is_read_in_its_order() -> None:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "words"}]
    (message,) = read({"role": "assistant", "content": content, "tool_plan": "plan", "tool_calls": [CALL], "x": 1})
    assert message.parts == [
        Thinking(text="hm"),
        Text(text="plan"),
        Text(text="words"),
        ToolCall(id="c", name="f", arguments='{"a":1}'),
    ]
    assert message.extra == {"x": 1}


def test_results_that_follow_each_other_are_one_message() -> None:
    results = read(
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "document", "document": {"data": {"text": "y"}}}]},
    )
    assert results == [
        turn(
            "tool", ToolResult(call_id="a", parts=[Text(text="x")]), ToolResult(call_id="b", parts=[Document(text="y")])
        )
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "bot", "content": "x"},
        {"content": "x"},
        {"role": "user", "content": 1},
        {"role": "user", "content": [{"text": "x"}]},
        {"role": "user", "content": [{"type": "image_url"}]},
        {"role": "tool", "content": "x"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "thinking", "thinking": "x"}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "assistant", "tool_calls": [{"id": "c"}]},
    ],
)
def test_a_message_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=r"messages\[0\]"):
        read(wrong)


def test_arguments_may_be_an_object_and_be_missing() -> None:
    reader = ObjectReader(
        {
            "tool_calls": [
                {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}},
                {"id": "d", "function": {"name": "g"}},
            ]
        },
        "",
        bad_request,
    )
    assert [part.arguments for part in read_assistant(reader) if isinstance(part, ToolCall)] == ['{"a":1}', ""]


def test_images_are_inline_or_elsewhere() -> None:
    urls = [{"url": "data:image/png;base64,QUJD", "detail": "low"}, {"url": "https://x/a.jpg"}]
    content = {"content": [{"type": "image_url", "image_url": url} for url in urls]}
    assert read_content(ObjectReader(content, "", bad_request)) == [
        Image(data="QUJD", media_type="image/png", detail="low"),
        Image(url="https://x/a.jpg"),
    ]


def test_a_part_that_is_new_is_kept() -> None:
    (message,) = read({"role": "user", "content": [{"type": "video", "video": 1}]})
    assert message.parts == [Native(type="video", value={"type": "video", "video": 1})]
    assert written(message, origin="cohere-chat")[0][0]["content"] == [{"type": "video", "video": 1}]


def test_the_systems_words_stay_the_systems_and_where_they_stood() -> None:
    wire, dropped = written(
        turn("user", Text(text="a")), turn("developer", Text(text="b")), turn("user", Text(text="c"))
    )
    assert [(message["role"], message["content"]) for message in wire] == [
        ("user", "a"),
        ("system", "b"),
        ("user", "c"),
    ]
    assert dropped == []


def test_words_before_calls_are_their_plan_and_every_call_survives() -> None:
    calls = [ToolCall(id=name, name="f", arguments="") for name in ("a", "b", "c")]
    wire, dropped = written(turn("assistant", Thinking(text="hm"), Text(text="I look."), *calls))
    assert wire[0]["tool_plan"] == "I look."
    assert wire[0]["content"] == [{"type": "thinking", "thinking": "hm"}]
    assert [call["id"] for call in wire[0]["tool_calls"]] == ["a", "b", "c"]
    assert {call["function"]["arguments"] for call in wire[0]["tool_calls"]} == {"{}"}
    assert dropped == []


def test_arguments_that_are_no_object_become_one() -> None:
    wire, _ = written(turn("assistant", ToolCall(id="a", name="f", arguments='{"a":')))
    assert wire[0]["tool_calls"][0]["function"]["arguments"] == '{"arguments":"{\\"a\\":"}'
    own, _ = written(turn("assistant", ToolCall(id="a", name="f", arguments='{"a":')), origin="cohere-chat")
    assert own[0]["tool_calls"][0]["function"]["arguments"] == '{"a":'


def test_a_users_documents_are_set_apart() -> None:
    with_losses, _ = writer()
    wire = with_losses.write([turn("user", Document(text="d", name="T"), Text(text="?"))])
    assert wire == [{"role": "user", "content": "?"}]
    assert with_losses.documents == [{"data": {"title": "T", "text": "d"}}]


def test_documents_alone_are_the_users_words() -> None:
    wire, dropped = written(turn("user", Document(text="d", name="T")))
    assert wire == [{"role": "user", "content": "d"}]
    assert dropped == ["messages[].content[].title"]


@pytest.mark.parametrize(
    ("parts", "dropped"),
    [
        ([Text(text="a", cache=CacheMark())], "messages[].content[].cache_control"),
        ([Text(text="a", signature="s")], "messages[].content[].signature"),
        ([Image(data="QQ==", media_type="image/png", detail="original")], "messages[].content[].image_url.detail"),
    ],
)
def test_what_has_no_counterpart_is_told(parts: list[Part], dropped: str) -> None:
    assert written(turn("user", *parts))[1] == [dropped]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (turn("user", Audio(data="QQ==")), "takes no audio"),
        (turn("user", Image(file_id="f")), "base64, or at a URL"),
        (turn("user", Image(url="gs://b/o")), "base64, or at a URL"),
        (turn("user", Document(url="https://x/a.pdf")), "must be text"),
        (turn("system", Image(data="QQ==")), "type 'image'"),
        (turn("assistant", Native(type="search", value={})), "type 'search'"),
        (turn("assistant", ToolCall(id="a", name="f", is_custom=True)), "free text"),
        (turn("tool", Text(text="a")), "only tool results"),
        (turn("tool", ToolResult(call_id="a", parts=[Image(data="QQ==")])), "text and documents"),
        (turn("user"), "must not be empty"),
        (turn("system"), "at least one message"),
    ],
)
def test_what_cannot_be_left_out_is_refused(message: Message, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        written(message)
    with pytest.raises(Unsupported, match="at least one"):
        written()


def test_thoughts_go_only_to_models_that_think() -> None:
    said = turn("assistant", Thinking(text="hm", signature="s"), Refusal(text="no"))
    wire, dropped = written(said)
    assert wire[0]["content"] == [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "no"}]
    assert dropped == ["messages[].content[].signature"]
    wire, dropped = written(said, thinks=False)
    assert wire == [{"role": "assistant", "content": "no"}]
    assert dropped == ["messages[].content[].signature", "messages[].content[].thinking"]


def test_results_keep_their_ids_and_tell_what_is_lost() -> None:
    result = ToolResult(call_id="a", parts=[Text(text="x"), Native(type="n", value={"b": 1})], is_error=True)
    wire, dropped = written(turn("tool", result, ToolResult(call_id="b", cache=CacheMark())))
    texts = [{"type": "text", "text": "x"}, {"type": "text", "text": '{"b":1}'}]
    assert wire == [
        {"role": "tool", "tool_call_id": "a", "content": texts},
        {"role": "tool", "tool_call_id": "b", "content": ""},
    ]
    assert dropped == ["messages[].tool_results[].is_error", "messages[].tool_results[].cache_control"]


def test_a_call_is_a_function() -> None:
    assert call_object(ToolCall(id="c", name="f"), '{"a":1}') == CALL
