import pytest

from entresol.core.errors import ClientError
from entresol.llm.conversation import leave_out, system_first
from entresol.llm.format import Losses, Profile
from entresol.llm.types import ChatRequest, Message, Role, Text


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
