"""Header fields as the log record shows them: a JSON object, without the values that are credentials.

The same few names come with every request, and most of them with the same values: what was shown before is remembered.
"""

from typing import Final

import msgspec

from entresol.api_floor.log_slots import ALWAYS_SECRET
from entresol.core.http import HeaderPairs

REDACTED: Final = "REDACTED"
SECRET_HEADERS: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie")) | {
    name.encode("ascii") for name in ALWAYS_SECRET
}
"""Never logged, whether or not a plugin says that they held a credential."""
MAX_NAMES: Final = 1_000
MAX_VALUES: Final = 1_000
"""Of all names together. What is remembered is forgotten before a head when there is more."""
MAX_LENGTH: Final = 256
"""Longer names and values are not remembered."""

_encode: Final = msgspec.json.Encoder().encode
_MAX_BITS: Final = 60
_MIN_MISSES: Final = 200
_NO_KEYS: Final[list[bytes]] = []


class _Name:
    """A field's name, and the members it makes with the values it had before."""

    __slots__ = ("bit", "hidden", "members", "misses", "prefix", "uses")

    def __init__(self, key: bytes, is_hidden: bool, bit: int) -> None:
        self.prefix = _encode(key.decode("latin-1")) + b":"
        self.hidden = self.prefix + _encode(REDACTED) if is_hidden else None
        self.members: dict[bytes, bytes] = {}
        """By value."""
        self.uses = 0
        self.misses = 0
        self.bit = bit
        """Stands for the name among those that a head has; 0 when all bits are taken."""

    @property
    def is_changing(self) -> bool:
        """True for names that hardly ever have a value again, such as that of a request's id."""
        return self.misses > _MIN_MISSES and self.misses * 2 > self.uses


class ShownFields:
    """Shows header fields, with `secrets` (lower-case names) hidden beside those that always are."""

    __slots__ = ("_hidden", "_names", "_values", "is_hiding_host")

    def __init__(self, secrets: frozenset[str]) -> None:
        hidden = SECRET_HEADERS | {name.encode("latin-1", "replace") for name in secrets}
        self._hidden = hidden
        self._names: dict[bytes, _Name] = {}
        self._values = 0
        self.is_hiding_host = b"host" in hidden

    def json(self, pairs: HeaderPairs) -> bytes:
        """An object of strings, lists of strings where a field is repeated."""
        members = self.members(pairs)
        return b"{" + b",".join(self._with_lists(pairs) if members is None else members) + b"}"

    def members(self, pairs: HeaderPairs) -> list[bytes] | None:
        """The object's members, one for each field; None if a field is repeated."""
        names = self._names
        if self._values >= MAX_VALUES or len(names) >= MAX_NAMES:
            names.clear()
            self._values = 0
        members: list[bytes] = []
        seen, rare = 0, _NO_KEYS
        for key, value in pairs:
            name = names.get(key)
            if name is None:
                name = self._new_name(key)
            bit = name.bit
            if seen & bit or (not bit and key in rare):
                return None
            if bit:
                seen |= bit
            else:
                rare = [*rare, key]
            member = name.hidden
            if member is None:
                name.uses += 1
                member = name.members.get(value)
                if member is None:
                    member = self._new_member(name, value)
            members.append(member)
        return members

    def _with_lists(self, pairs: HeaderPairs) -> list[bytes]:
        """The members for any fields."""
        texts: dict[bytes, list[bytes]] = {}
        for key, value in pairs:
            text = _encode(REDACTED) if key in self._hidden else _text(value)
            texts.setdefault(_encode(key.decode("latin-1")), []).append(text)
        members: list[bytes] = []
        for name, values in texts.items():
            shown = values[0] if len(values) == 1 else b"[" + b",".join(values) + b"]"
            members.append(name + b":" + shown)
        return members

    def _new_name(self, key: bytes) -> _Name:
        count, is_kept = len(self._names), len(key) <= MAX_LENGTH
        name = _Name(key, key in self._hidden, 1 << count if is_kept and count < _MAX_BITS else 0)
        if is_kept:
            self._names[key] = name
        return name

    def _new_member(self, name: _Name, value: bytes) -> bytes:
        member = name.prefix + _text(value)
        name.misses += 1
        if len(value) <= MAX_LENGTH and not name.is_changing:
            self._values += 1
            name.members[value] = member
        return member


def _text(value: bytes) -> bytes:
    """A value as a JSON string. What is not UTF-8 is shown escaped."""
    if value.isalnum():
        return b'"' + value + b'"'
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("utf-8", "backslashreplace")
    return _encode(text)


_MAX_VIEWS: Final = 50
_plain: Final = ShownFields(frozenset())
_views: Final[dict[frozenset[str], ShownFields]] = {}


def shown_fields(secrets: frozenset[str] | None) -> ShownFields:
    """How fields are shown where plugins say that fields of these names held a credential."""
    if secrets is None:
        return _plain
    view = _views.get(secrets)
    if view is None:
        if len(_views) >= _MAX_VIEWS:
            _views.clear()
        view = _views[secrets] = ShownFields(secrets)
    return view
