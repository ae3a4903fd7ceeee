"""A plain chat request of OpenAI's, read and changed with as little work as can be.

Plain is a body without white space, repeated keys, keys spelt with escapes, or fields nobody here knows: what clients'
libraries write. Of such a body every reader sees the same, so it can go on as it is, and what changes is cut in and
out of its bytes. Everything else is read and written anew by `json_fields`.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import astuple

from entresol.llm.chat_structs import ChatTop, ChatTurn, decode_chat
from entresol.llm.json_fields import encode_json, is_utf8

_decode_text: Final = msgspec.json.Decoder(str).decode
_ROLES: Final = frozenset(("user", "assistant", "system", "developer", "tool"))
_MESSAGES: Final = b'"messages":['
_START: Final = 64
_QUOTE: Final = 34  # bytes are numbers: looking for bytes in bytes is tried with a number first, which is slow
_BACKSLASH: Final = 92
_BRACE: Final = 123
_NOTHING: Final = UNSET
_NO_MORE: Final = (UNSET,) * (len(ChatTurn.__struct_fields__) - 2)


class ChatBody:
    """A plain chat request: its bytes, and what stands in them."""

    __slots__ = ("_top", "body", "model", "stream", "turns")

    def __init__(self, body: bytes, top: ChatTop, turns: list[ChatTurn]) -> None:
        self.body = body
        self._top = top
        self.turns = turns
        self.model: str | None = None if top.model is UNSET else top.model
        self.stream: bool = top.stream is True

    def get(self, name: str) -> Raw | None:
        """A field of the top level, other than model, messages and stream."""
        value = getattr(self._top, name, None)
        return value if isinstance(value, Raw) else None

    def put(self, name: str, value: bytes) -> bool:
        """Add a field that is not there, or replace the model, by JSON; False: this cannot be done here."""
        known = getattr(self._top, name, None)
        if known is UNSET:
            self.body = b'%b,"%b":%b}' % (self.body[:-1], name.encode(), value)
        elif name == "model" and isinstance(known, str):
            old = b'"model":' + encode_json(known)
            at = self._find(old)
            if at < 0:
                return False
            self.body = b'%b"model":%b%b' % (self.body[:at], value, self.body[at + len(old) :])
        else:
            return False
        setattr(self._top, name, msgspec.json.decode(value) if name in ("model", "stream") else Raw(value))
        return True

    def prepend(self, head: bytes, turns: list[ChatTurn]) -> bool:
        """Put turns in front; `head` is their JSON with `[` before and `,` behind. False: this cannot be done here."""
        at = self._find(_MESSAGES)
        if at < 0 or not self.turns:
            return False
        at += len(_MESSAGES)
        self.body = b"".join((self.body[: at - 1], head, self.body[at:]))
        self.turns = turns + self.turns
        return True

    def texts(self, role: str | None) -> list[bytes] | None:
        """What a role (None: every role) says, in UTF-8, the newest first; None if turns hold more than a role and a
        text."""
        has_escapes = _BACKSLASH in self.body
        found = []
        for turn in reversed(self.turns):
            parts = astuple(turn)
            if parts[1] is _NOTHING or parts[2:] != _NO_MORE or parts[0] not in _ROLES:
                return None
            is_wanted = role is None or parts[0] == role
            text = _text(parts[1], has_escapes, is_wanted)
            if text is None:
                return None
            if is_wanted:
                found.append(text)
        return found

    def _find(self, key: bytes) -> int:
        """Where a key of the top level begins; -1: not certain. A quoted key cannot stand inside a string, so only an
        object before it could hold another."""
        at = self.body.find(key)
        return -1 if _BRACE in self.body[1:at] else at


def read_chat(body: bytes) -> ChatBody | None:
    """A body that is a plain chat request; None for any other, whatever is wrong with it."""
    if body.find(b'": ', 0, _START) >= 0:  # as some clients write all of it: do not read it in vain
        return None
    try:
        top = decode_chat(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    turns = top.messages
    # Written again, each key once and nothing between them, it can only be shorter. Values keep their bytes.
    if turns is UNSET or len(encode_json(top)) != len(body) or not is_utf8(body):
        return None
    return ChatBody(body, top, turns)


def _text(said: Raw, has_escapes: bool, is_wanted: bool) -> bytes | None:
    """A value that is a text; empty if only that is of interest. None: it is something else."""
    value = bytes(said)
    if value[0] != _QUOTE:
        return None
    if has_escapes:
        return _decode_text(value).encode("utf-8", "replace")
    return value[1:-1] if is_wanted else b""
