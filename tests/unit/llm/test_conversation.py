import pytest

from entresol.core.errors import ClientError
from entresol.llm.conversation import leave_out, report_choice, report_format, system_first
from entresol.llm.format import Losses, Profile
from entresol.llm.types import ChatRequest, Message, ResponseFormat, Role, Text, Tool, ToolChoice


def losses(messages: list[Message], origin: str = "a-format") -> Losses:
    return Losses(ChatRequest(origin=origin, messages=messages), "narrow", frozenset(), Profile(provider="narrow"))


def said(role: Role, *texts: str) -> Message:
    return Message(role=role, parts=[Text(text=text) for text in texts])


def test_system_messages_come_first_in_their_order() -> None:
    messages = [said("system", "one"), said("user", "x"), said("developer", "two")]
    assert system_first(messages, losses(messages)) == ([Text(text="one"), Text(text="two")], [said("user", "x")])


def test_a_system_message_that_leaves_its_place_is_reported() -> None:
    late = [said("user", "x"), said("system", "two"), said("user", "y")]
    for messages, dropped in ((late, ["messages[].position"]), ([late[1], late[0], late[2]], [])):
        kept = losses(messages)
        system_first(messages, kept)
        assert kept.finish() == dropped
    kept = losses(late)
    system_first(late, kept, keeps_place=True)
    assert kept.finish() == []


def test_where_a_format_knows_them_there_system_messages_among_the_turns_stay() -> None:
    messages = [said("system", "one"), said("user", "x"), said("system", "two")]
    assert system_first(messages, losses(messages), keeps_place=True) == ([Text(text="one")], messages[1:])


def test_system_messages_alone_are_what_the_user_says() -> None:
    messages = [said("system", "one"), said("system", "two")]
    assert system_first(messages, losses(messages)) == ([], [said("user", "one", "two")])


def test_names_are_reported() -> None:
    messages = [Message(role="user", name="Ann", parts=[Text(text="x")])]
    kept = losses(messages)
    system_first(messages, kept)
    assert kept.finish() == ["messages[].name"]


def test_a_conversation_without_messages_is_refused() -> None:
    with pytest.raises(ClientError, match="messages is not supported by provider narrow: at least one"):
        system_first([], losses([]))


@pytest.mark.parametrize("role", ["user", "tool"])
def test_an_empty_turn_of_the_users_is_refused(role: Role) -> None:
    with pytest.raises(ClientError, match=r"messages\[\]\.content is not supported by provider narrow") as error:
        leave_out(said(role), False, losses([]))
    assert (error.value.status, error.value.code) == (400, "unsupported_by_provider")


@pytest.mark.parametrize(("role", "is_joined"), [("assistant", False), ("assistant", True), ("user", True)])
def test_an_empty_turn_that_adds_nothing_is_reported(role: Role, is_joined: bool) -> None:
    kept = losses([])
    leave_out(said(role), is_joined, kept)
    assert kept.finish() == ["messages[].content"]


@pytest.mark.parametrize(
    ("choice", "dropped"),
    [
        (None, []),
        (ToolChoice(mode="auto"), []),
        (ToolChoice(mode="none"), []),
        (ToolChoice(mode="required"), ["tool_choice"]),
        (ToolChoice(mode="auto", names=["f"]), ["tool_choice"]),
    ],
)
def test_a_choice_among_no_tools_is_reported(choice: ToolChoice | None, dropped: list[str]) -> None:
    request = ChatRequest(origin="a-format", messages=[], tool_choice=choice)
    kept = Losses(request, "narrow", frozenset(("tool_choice",)), Profile(provider="narrow"))
    report_choice(request, kept)
    assert kept.finish() == dropped


def test_a_choice_that_leaves_none_of_the_tools_is_refused() -> None:
    request = ChatRequest(
        origin="a-format", messages=[], tools=[Tool(name="f")], tool_choice=ToolChoice(mode="required", names=["g"])
    )
    with pytest.raises(ClientError, match="tool_choice is not supported by provider narrow"):
        report_choice(request, Losses(request, "narrow", frozenset(), Profile(provider="narrow")))


def test_what_is_left_out_of_a_schema_is_reported() -> None:
    kept = losses([])
    report_format(ResponseFormat(type="json_schema", schema={}, strict=True), kept)
    assert kept.finish() == []
    report_format(ResponseFormat(type="json_schema", name="n", description="d", schema={}, strict=False), kept)
    assert kept.finish() == [f"response_format.json_schema.{name}" for name in ("name", "description", "strict")]
