"""What the store keeps: records, each class of which says what its table is like.

A record is a frozen value. Whoever changes one makes a new value and replaces the old one, and names the revision it
was made from, so that two writers cannot undo each other's work.
"""

from typing import ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all records carry. Times are whole seconds since the epoch.

    Fields hold what JSON can say: texts, whole numbers, flags, tuples and structs of these, None. A field of type bytes
    is kept as base64.
    """

    kind: ClassVar[str]
    """Name of the collection, and of the table: plural, snake_case."""
    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields that no two records share. A group in which a field is None or "" binds nobody."""
    indexed: ClassVar[tuple[str, ...]] = ()
    """Fields that records are looked for by, besides those of `unique`."""
    sealed: ClassVar[tuple[str, ...]] = ()
    """Fields of text that are encrypted at rest. They can be neither unique nor looked for."""
    ends_at: ClassVar[str | None] = None
    """The field with the second from which on the record counts for nothing and is swept away."""

    id: str
    organisation: str = ""
    """The tenant it belongs to; empty for what belongs to the whole node."""
    revision: int = 0
    """Goes up by one with each change. 0: not stored yet."""
    created_at: int = 0
    updated_at: int = 0
