"""Requests for formats that are narrower than OpenAI's: what Anthropic and Gemini leave out alike, and report alike.

System messages at the front, no empty turns, no choice among no tools, schemas without a name.
"""

from typing import Final

from entresol.llm.format import Losses
from entresol.llm.types import ChatRequest, Message, Part, ResponseFormat

_EMPTY: Final = "messages[].content"


def system_first(
    messages: list[Message], losses: Losses, keeps_place: bool = False
) -> tuple[list[Part], list[Message]]:
    """The parts of all system messages, in their order, and the turns. A conversation of nothing else is the user's.

    A system message among the turns stays there with `keeps_place`; else that it moved is reported. Raises ClientError
    `unsupported_by_provider` for a conversation without any message.
    """
    if not messages:
        raise losses.refuse("messages", "at least one message is needed")
    system: list[Part] = []
    turns: list[Message] = []
    for message in messages:
        if message.role in ("system", "developer") and not (keeps_place and turns):
            system += message.parts
            if turns:
                losses.drop("messages[].position")
        else:
            turns.append(message)
        if message.name is not None:
            losses.drop("messages[].name")
    if not turns:
        turns, system = [Message(role="user", parts=system)], []
    return system, turns


def leave_out(turn: Message, is_joined: bool, losses: Losses) -> None:
    """Report a turn of which nothing is left to write; it must not vanish where that would change the answer.

    `is_joined`: the turn before it is the same speaker's, so that what remains says the same. Raises ClientError
    `unsupported_by_provider` for an empty turn of the user's, which would have the provider answer something else.
    """
    if turn.role != "assistant" and not is_joined:
        raise losses.refuse(_EMPTY, "a message of the user's must not be empty")
    losses.drop(_EMPTY)


def report_choice(request: ChatRequest, losses: Losses) -> None:
    """Report a choice of tools that goes with no tool at all. Raises ClientError `unsupported_by_provider` for one
    that leaves none of those there are."""
    choice = request.tool_choice
    if choice is None or not losses.takes("tool_choice"):
        return
    if request.tools and not losses.is_own:
        raise losses.refuse("tool_choice", "it allows none of the tools")
    if choice.mode == "required" or choice.names:
        losses.drop("tool_choice")


def report_format(wanted: ResponseFormat, losses: Losses) -> None:
    """Report what neither format says of a JSON Schema for the answer; both always keep to it."""
    for name in ("name", "description"):
        if getattr(wanted, name) is not None:
            losses.drop(f"response_format.json_schema.{name}")
    if wanted.strict is False:
        losses.drop("response_format.json_schema.strict")
