"""Tool names that a provider takes, in the place of those a client gave, and back in the answer.

A name becomes what it may be by a rule that needs no memory: what is not allowed is replaced, what is too long is cut,
and a hash of the whole name keeps names apart. The way back is a table of the request's own tools.
"""

import hashlib
import re
from typing import Final

import msgspec

from entresol.llm.events import ChatEvent, ToolCallStarted
from entresol.llm.plain_names import is_plain_name
from entresol.llm.types import ChatRequest, ChatResponse, Tool, ToolCall

LONGEST: Final = 64
"""What nearly every provider takes."""
_BAD: Final = re.compile(r"[^a-zA-Z0-9_-]")
_HASH_BYTES: Final = 4


def wire_name(name: str) -> str:
    """`name` if it is 1 to 64 letters, digits, `_` and `-`; else one that is, and that no other name becomes."""
    if is_plain_name(name, LONGEST):
        return name
    digest = hashlib.blake2s(name.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).hexdigest()
    return f"{_BAD.sub('_', name)[: LONGEST - 1 - 2 * _HASH_BYTES]}_{digest}"


def renamed_tools(request: ChatRequest) -> dict[str, str]:
    """Wire name to the client's, of the tools whose names `wire_name` changes."""
    names = [tool.name for tool in request.tools if type(tool) is Tool]
    return {wire: name for name in names if (wire := wire_name(name)) != name}


def restore_answer(response: ChatResponse, renamed: dict[str, str]) -> None:
    """Give the calls of an answer the client's names."""
    for choice in response.choices:
        for part in choice.parts:
            if type(part) is ToolCall:
                part.name = renamed.get(part.name, part.name)


def restore_events(events: list[ChatEvent], renamed: dict[str, str]) -> list[ChatEvent]:
    """Events of a stream with the client's names."""
    return [_restored(event, renamed) for event in events]


def _restored(event: ChatEvent, renamed: dict[str, str]) -> ChatEvent:
    if not isinstance(event, ToolCallStarted) or event.name not in renamed:
        return event
    return msgspec.structs.replace(event, name=renamed[event.name])
