"""What must hold of every class of record that a module declares."""

from types import ModuleType

import msgspec

from entresol.core.record import Record
from entresol.identity.records.all import IDENTITY_RECORDS


def records_of(module: ModuleType) -> list[type[Record]]:
    """The classes of record that are declared in a module."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record) and value.__module__ == module.__name__
    ]


def check_records(module: ModuleType) -> None:
    """Each is known to the store, and what it says of its fields is of fields that it has."""
    for cls in records_of(module):
        assert cls in IDENTITY_RECORDS, f"{cls.__name__} is not in IDENTITY_RECORDS"
        fields = {field.name: field.type for field in msgspec.structs.fields(cls)}
        looked_for = {name for group in cls.unique for name in group} | set(cls.indexed)
        named = looked_for | set(cls.sealed) | ({cls.ends_at} if cls.ends_at is not None else set())
        assert named <= fields.keys(), f"{cls.__name__} has no {named - fields.keys()}"
        assert not looked_for & set(cls.sealed), f"{cls.__name__} looks for what is sealed"
        assert all(fields[name] is str for name in cls.sealed), f"{cls.__name__} seals what is no text"
        assert cls.ends_at is None or fields[cls.ends_at] is int
