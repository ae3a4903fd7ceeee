"""What a stream holds that only its own format knows: named once, for the log. Its head had gone when it came."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from entresol.llm.events import ChatEvent, LeftOver

Unread = Raw | UnsetType
"""A field whose value nobody reads."""
_NOTHING: Final = (Raw(b"null"), Raw(b"[]"))
_MAX_NAMES: Final = 100
"""Names that are kept of one stream: they come from outside."""


def unread_fields(wire: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a struct that are `Unread`: as attributes, and as the wire has them."""
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(wire) if field.default is UNSET)


class LeftOvers:
    """Tells of each name once a stream."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell_of(self, wire: msgspec.Struct, fields: tuple[tuple[str, str], ...], out: list[ChatEvent]) -> None:
        """Add an event for those of the unread fields that are there."""
        for attribute, name in fields:
            value = getattr(wire, attribute)
            if value is not UNSET and name not in self._told and value not in _NOTHING:
                self.tell((name,), out)

    def tell(self, names: Iterable[str], out: list[ChatEvent]) -> None:
        """Add an event for those of the names that were not told."""
        new = [name for name in names if name not in self._told]
        if new and len(self._told) < _MAX_NAMES:
            self._told.update(new)
            out.append(LeftOver(new))
