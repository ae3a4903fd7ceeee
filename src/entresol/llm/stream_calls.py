"""The tool calls of a translated stream: each has a name and an id of its own, and arguments that clients can use.

What providers get wrong here, clients take for success: a call without a name, two calls with one id, arguments that
were cut, which lenient clients read as a smaller object.
"""

import hashlib
from typing import Final

import msgspec

from entresol.llm.events import ChatEvent, ErrorDetail, Failed, ToolArgumentsDelta, ToolCallStarted
from entresol.llm.json_fields import bad_response, encode_json
from entresol.llm.types import ChatResponse, FinishReason, JsonObject, ToolCall, arguments_object

_INCOMPLETE: Final[tuple[FinishReason, ...]] = ("length", "content_filter", "refusal", "error")
"""Reasons that tell the client that calls may be cut."""
_decode_object: Final = msgspec.json.Decoder(JsonObject).decode


def made_id(seed: str, choice: int, index: int) -> str:
    """An id for a call of an answer that `seed` identifies: unique in a conversation."""
    return "call_" + hashlib.blake2s(f"{seed}\0{choice}\0{index}".encode(), digest_size=12).hexdigest()


class _Open:
    """A call whose choice goes on."""

    __slots__ = ("is_custom", "name", "texts")

    def __init__(self, name: str, is_custom: bool) -> None:
        self.name = name
        self.is_custom = is_custom
        self.texts: list[str] = []


class StreamCalls:
    """Looks at the events of calls as they pass. `seed` names the answer.

    With `takes_objects_only`, arguments that are no JSON object fail the stream.
    """

    __slots__ = ("_ids", "_open", "_seed", "_takes_objects_only")

    def __init__(self, seed: str, takes_objects_only: bool) -> None:
        self._seed = seed
        self._takes_objects_only = takes_objects_only
        self._ids: set[tuple[int, str]] = set()
        self._open: dict[tuple[int, int], _Open] = {}

    @property
    def are_any(self) -> bool:
        """Some choice has called tools."""
        return bool(self._ids)

    def start(self, event: ToolCallStarted) -> list[ChatEvent]:
        """A call begins: give it an id if it has none of its own. The failure of the stream if it has no name."""
        if not event.name:
            return [_failure("a tool call has no name")]
        key = event.choice, event.id
        if not event.id or key in self._ids:
            event.id = made_id(self._seed, event.choice, event.index)
        self._ids.add((event.choice, event.id))
        self._open[event.choice, event.index] = _Open(event.name, event.is_custom)
        return []

    def add(self, event: ToolArgumentsDelta) -> None:
        """A call goes on."""
        opened = self._open.get((event.choice, event.index))
        if opened is not None and event.text and (self._takes_objects_only or not opened.texts):
            opened.texts.append(event.text)

    def finish(self, only: int | None, reason: FinishReason) -> list[ChatEvent]:
        """A choice is complete, or all are: what has to come before that is said."""
        out: list[ChatEvent] = []
        for key, opened in list(self._open.items()):
            choice, index = key
            if only is not None and choice != only:
                continue
            del self._open[key]
            if opened.is_custom or reason in _INCOMPLETE:
                continue
            if not opened.texts:
                out.append(ToolArgumentsDelta(index, "{}", choice))  # clients parse what they get
            elif self._takes_objects_only and not _is_object("".join(opened.texts)):
                return [*out, _failure(f"the arguments of a call of {opened.name} are no JSON object")]
        return out


def wrap_arguments(response: ChatResponse) -> None:
    """Of an answer that becomes a stream for clients that take objects only: put other arguments into one."""
    for choice in response.choices:
        for part in choice.parts:
            if isinstance(part, ToolCall) and not part.is_custom and arguments_object(part) is None:
                part.arguments = encode_json({"arguments": part.arguments}).decode()


def _failure(what: str) -> Failed:
    fault = bad_response(what)
    return Failed(ErrorDetail(status=fault.status, message=fault.message, code=fault.code))


def _is_object(text: str) -> bool:
    try:
        _decode_object(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
