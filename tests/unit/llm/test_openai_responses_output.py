import pytest

from entresol.llm.format import bad_field
from entresol.llm.openai_responses_output import ItemIds, finish, read_output, response_object, write_output
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    Choice,
    FinishReason,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)


def read(*items: JsonObject) -> Choice:
    choice = Choice()
    read_output([ObjectReader(item, f"output[{index}]", bad_field) for index, item in enumerate(items)], choice)
    return choice


def written(*parts: Part) -> tuple[list[JsonObject], list[str]]:
    dropped: list[str] = []
    return write_output(Choice(parts=list(parts)), "resp_9", False, dropped), dropped


@pytest.mark.parametrize(
    "parts",
    [
        [Text(text="a")],
        [Text(text="a"), Refusal(text="b")],
        [Thinking(text="hm", signature="anthropic:s"), Thinking(redacted="anthropic:r"), Text(text="a")],
        [ToolCall(id="c1", name="f", arguments='{"a":1}'), ToolCall(id="c2", name="g", arguments="{}")],
        [Text(text="a"), ToolCall(id="c1", name="sh", arguments="ls", is_custom=True)],
        [Image(data="QQ==", media_type="image/png"), Image(data="QQ==", media_type="image/webp")],
    ],
)
def test_parts_come_back_the_same(parts: list[Part]) -> None:
    items, dropped = written(*parts)
    assert (read(*items).parts, dropped) == (parts, [])


def test_every_item_has_an_id_of_its_own_that_follows_from_the_answers() -> None:
    items, _ = written(Thinking(text="hm"), Text(text="a"), ToolCall(id="c1", name="f"))
    assert [item["id"] for item in items] == ["rs_9_0", "msg_9_1", "fc_9_2"]
    assert ItemIds("x" * 100).of("function_call", 12) == f"fc_{'x' * 40}_12"


def test_geminis_signature_of_a_call_stands_before_it() -> None:
    items, _ = written(ToolCall(id="c1", name="f", signature="sig"))
    assert [item["type"] for item in items] == ["reasoning", "function_call"]
    assert read(*items).parts[0] == Thinking(signature="gemini:sig")


def test_what_clients_of_this_format_do_not_know_is_told() -> None:
    items, dropped = written(
        Text(text="a", signature="s", extra={"citations": [1]}), Audio(data="QQ=="), Native(type="citation", value={})
    )
    assert [item["type"] for item in items] == ["message"]
    assert dropped == ["citations", "thoughtSignature", "audio", "citation"]


def test_log_probabilities_go_with_the_first_text() -> None:
    logprobs: JsonObject = {
        "content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}],
        "refusal": None,
    }
    choice = Choice(parts=[Thinking(text="hm"), Text(text="a")], logprobs=logprobs)
    dropped: list[str] = []
    assert read(*write_output(choice, "resp_9", False, dropped)).logprobs == logprobs
    refused = Choice(parts=[Refusal(text="no")], logprobs=logprobs)
    write_output(refused, "resp_9", False, dropped)
    assert dropped == ["logprobs"]


def test_an_answer_that_says_nothing_is_an_empty_message() -> None:
    items, _ = written()
    assert items == [{"id": "msg_9_0", "type": "message", "status": "completed", "role": "assistant", "content": []}]


def test_what_the_providers_tools_did_is_native() -> None:
    choice = read({"type": "web_search_call", "id": "ws_1"}, {"type": "image_generation_call", "result": None})
    assert choice.parts == [
        Native(type="web_search_call", value={"id": "ws_1"}),
        Native(type="image_generation_call", value={"result": None}),
    ]


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("stop_sequence", "completed", None),
        ("tool_calls", "completed", None),
        ("refusal", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("pause", "incomplete", {"reason": "max_messages"}),
        ("error", "failed", None),
    ],
)
def test_a_response_says_why_it_ended(reason: FinishReason, status: str, why: object) -> None:
    wire = response_object("resp_9", "m", 5, None, [], "in_progress")
    finish(wire, reason, Usage(input=1, output=2))
    assert (wire["status"], wire["incomplete_details"]) == (status, why)
    assert (wire["error"] is None) == (reason != "error")
    assert isinstance(wire["usage"], dict)
    assert wire["usage"]["total_tokens"] == 3
