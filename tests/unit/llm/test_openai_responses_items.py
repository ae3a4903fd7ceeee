import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_responses_items import read_items, write_items
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    ChatRequest,
    Document,
    Image,
    JsonObject,
    Message,
    Native,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)


def read(*items: JsonObject) -> ChatRequest:
    request = ChatRequest(origin="openai-responses", messages=[])
    readers = [ObjectReader(item, f"input[{index}]", bad_request) for index, item in enumerate(items)]
    read_items(readers, request)
    return request


def losses(origin: str = "openai-chat") -> Losses:
    return Losses(ChatRequest(origin=origin, messages=[]), "openai-responses", frozenset(), Profile(provider="openai"))


def words(text: str, **more: object) -> JsonObject:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "content": content, **more}


REASONING: JsonObject = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
CALL: JsonObject = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT: JsonObject = {"type": "function_call_output", "call_id": "c1", "output": "1"}


def test_the_models_items_in_a_row_are_one_turn() -> None:
    request = read({"role": "user", "content": "a"}, REASONING, words("b"), CALL, CALL | {"call_id": "c2"})
    assert request.messages == [
        Message(role="user", parts=[Text(text="a")]),
        Message(
            role="assistant",
            parts=[
                Thinking(text="hm"),
                Text(text="b"),
                ToolCall(id="c1", name="f", arguments="{}"),
                ToolCall(id="c2", name="f", arguments="{}"),
            ],
        ),
    ]


def test_a_second_message_of_the_models_is_another_turn() -> None:
    request = read(words("a", phase="commentary"), words("b", phase="final_answer"))
    assert [message.extra for message in request.messages] == [{"phase": "commentary"}, {"phase": "final_answer"}]


def test_results_in_a_row_are_one_message() -> None:
    request = read(CALL, RESULT, RESULT | {"call_id": "c2", "output": [{"type": "input_text", "text": "2"}]})
    assert request.messages[1] == Message(
        role="tool",
        parts=[ToolResult(call_id="c1", parts=[Text(text="1")]), ToolResult(call_id="c2", parts=[Text(text="2")])],
    )


def test_arguments_that_are_an_object_become_text() -> None:
    (message,) = read(CALL | {"arguments": {"a": 1}}).messages
    assert message.parts == [ToolCall(id="c1", name="f", arguments='{"a":1}')]


def test_tools_among_the_items_join_the_requests() -> None:
    tool = {"type": "function", "name": "late", "parameters": None}
    request = read({"type": "additional_tools", "role": "developer", "tools": [tool]})
    assert request.tools == [Tool(name="late")]
    assert request.messages == []


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"id": "msg_1"}, "item_reference item"),
        ({"type": "web_search_call", "id": "ws_1"}, "web_search_call item"),
        ({"type": "computer_call_output", "call_id": "c"}, "computer_call_output item"),
        ({"type": "compaction", "encrypted_content": "e"}, "compaction item"),
        ({"type": "image_generation_call", "result": None}, "image_generation_call item"),
    ],
)
def test_what_only_openai_knows_is_native_and_comes_back(item: JsonObject, kind: str) -> None:
    request = read(item)
    (part,) = request.messages[0].parts
    assert isinstance(part, Native)
    assert part.type == kind
    (written,) = write_items(request.messages, losses("openai-responses"))
    assert written.items() >= item.items()
    with pytest.raises(ClientError, match="has no counterpart"):
        write_items(request.messages, losses())


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ({"role": "robot", "content": "a"}, "unknown role 'robot'"),
        ({"type": "function_call", "name": "f"}, "call_id: is required"),
        ({"type": "message", "content": "a"}, "role: is required"),
        (RESULT | {"output": [{"type": "refusal", "refusal": "no"}]}, "a tool's output is"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused(item: JsonObject, what: str) -> None:
    with pytest.raises(ClientError, match=what) as caught:
        read(item)
    assert caught.value.code == "bad_request"


def test_a_turn_is_written_as_items_in_its_order() -> None:
    parts: list[Part] = [Text(text="a"), ToolCall(id="c1", name="f"), Text(text="b")]
    assert write_items([Message(role="assistant", parts=parts)], losses()) == [words("a"), CALL, words("b")]


def test_an_empty_turn_of_the_models_stays() -> None:
    assert write_items([Message(role="assistant")], losses()) == [
        {"type": "message", "role": "assistant", "content": ""}
    ]


def test_results_of_custom_tools_go_by_their_own_name() -> None:
    call = ToolCall(id="c1", name="sh", arguments="ls", is_custom=True)
    turns = [Message(role="assistant", parts=[call]), Message(role="tool", parts=[ToolResult(call_id="c1")])]
    assert write_items(turns, losses()) == [
        {"type": "custom_tool_call", "call_id": "c1", "name": "sh", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": ""},
    ]


def test_pictures_and_files_stay_in_results() -> None:
    result = ToolResult(call_id="c1", parts=[Text(text="a"), Image(data="QQ=="), Document(data="QQ==")])
    (item,) = write_items([Message(role="tool", parts=[result])], losses())
    output = item["output"]
    assert isinstance(output, list)
    assert [part["type"] for part in output] == ["input_text", "input_image", "input_file"]


def test_what_a_result_cannot_say_is_told() -> None:
    told = losses()
    result = ToolResult(call_id="c1", parts=[Native(type="x", value={"a": 1})], is_error=True)
    (item,) = write_items([Message(role="tool", parts=[result])], told)
    assert item["output"] == '{"a":1}'
    assert told.finish() == ["messages[].tool_results[].is_error"]


@pytest.mark.parametrize("part", [Audio(data="QQ=="), Image(data="QQ=="), Document(text="a")])
def test_what_the_model_said_in_other_ways_cannot_be_sent_back(part: Part) -> None:
    with pytest.raises(ClientError, match="cannot be sent back"):
        write_items([Message(role="assistant", parts=[part])], losses())
