"""The usage of OpenAI's streams: always asked for, and taken out again where the client did not ask for it."""

from typing import Final

import msgspec

from entresol.llm.json_fields import read_field, read_fields
from entresol.llm.openai_structs import decode_facts
from entresol.llm.opened import Opened

_LONGEST_HELD: Final = 65_536
_NULL: Final = msgspec.Raw(b"null")
_TRUE: Final = msgspec.Raw(b"true")
_INCLUDE_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')


def ask_for_usage(opened: Opened) -> None:
    """Make `stream_options` ask for usage: without it a stream cannot be billed."""
    raw = opened.get("stream_options")
    if not asks_for_usage(raw):
        options = {} if raw is None or raw == _NULL else read_fields(bytes(raw))
        opened.put("stream_options", options | {"include_usage": _TRUE})


_ORDINARY: Final = (b"}]}\n\n", b'}],"usage":null}\n\n')
"""The ends of nearly all chunks: behind a choice."""


class UsageChunkFilter:
    """Takes out the usage chunk of a client that did not ask for one: without choices, it breaks careless clients.

    A piece that is one chunk with a choice, as nearly all are, is known by its end; another that ends between two
    events costs one search. Otherwise the cut event waits for its rest, which no client could have read before. Lines
    that end in CR LF, which no known server writes, switch the filter off: too much usage is better than a stream
    held back.
    """

    __slots__ = ("_is_off", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._is_off = False

    def feed(self, data: bytes, last: bool) -> bytes:
        """What of a piece the client gets."""
        if data.endswith(_ORDINARY) and data.find(b"\n") == len(data) - 2 and not self._rest:
            return data
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not (last or self._is_off or data.endswith(b"\n\n")):
            data = self._hold_cut_event(data)
        if data.find(b"[]") >= 0:
            return b"".join([event for event in _split_events(data) if not _is_usage_chunk(event)])
        return data

    def _hold_cut_event(self, data: bytes) -> bytes:
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            end = 0
        if data.find(b"\r") >= 0 or len(data) - end > _LONGEST_HELD:
            self._is_off = True
            return data
        self._rest = data[end:]
        return data[:end]


def _split_events(data: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in data.split(b"\n\n")]
    events[-1] = events[-1][:-2]
    return events


def _is_usage_chunk(event: bytes) -> bool:
    try:
        facts = decode_facts(event.strip().removeprefix(b"data:"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return facts.choices == [] and facts.usage is not None


def asks_for_usage(raw: msgspec.Raw | None) -> bool:
    """What the client's own `stream_options` say."""
    if raw is None or raw == _INCLUDE_USAGE:
        return raw is not None
    return raw != _NULL and read_field(read_fields(bytes(raw)), "include_usage", bool) is True
