import pytest

from entresol.llm.types import Message, Text, ToolCall, Usage, arguments_object, tool_names


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a":1}', {"a": 1}),
        ("[1]", None),
        ('{"a":', None),
        ("[" * 100_000, None),
        ("null", None),
    ],
)
def test_arguments_are_an_object_or_none(arguments: str, value: object) -> None:
    assert arguments_object(ToolCall(id="1", name="f", arguments=arguments)) == value


def test_the_name_of_a_call_is_found_by_its_id() -> None:
    messages = [
        Message(role="user", parts=[Text(text="x")]),
        Message(role="assistant", parts=[ToolCall(id="a", name="f"), ToolCall(id="b", name="g")]),
    ]
    assert tool_names(messages) == {"a": "f", "b": "g"}


def test_the_buckets_add_up() -> None:
    usage = Usage(
        input=1, cache_read=2, cache_write=3, cache_write_1h=4, input_audio=5,
        output=10, reasoning=20, output_audio=30, output_image=40,
    )  # fmt: skip
    assert (usage.total_input, usage.total_output) == (15, 100)


def test_parts_do_not_share_what_they_leave_over() -> None:
    first, second = Text(text="a"), Text(text="b")
    first.extra["x"] = 1
    assert second.extra == {}
