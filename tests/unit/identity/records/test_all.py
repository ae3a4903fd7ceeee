"""The list of all records."""

import inspect
import re

import msgspec
import pytest

from entresol.core.record import Record
from entresol.identity.records.all import IDENTITY_RECORDS


def test_no_two_have_the_same_table() -> None:
    assert len({cls.kind for cls in IDENTITY_RECORDS}) == len(IDENTITY_RECORDS)


@pytest.mark.parametrize("cls", IDENTITY_RECORDS, ids=lambda cls: cls.kind)
def test_a_record_says_what_it_is_and_its_table_has_a_plain_name(cls: type[Record]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.kind)
    assert inspect.getdoc(cls)


@pytest.mark.parametrize("cls", IDENTITY_RECORDS, ids=lambda cls: cls.kind)
def test_a_record_is_what_its_json_says(cls: type[Record]) -> None:
    required = {field.name: _example(field.type) for field in msgspec.structs.fields(cls) if field.required}
    record = msgspec.convert(required, cls)
    assert msgspec.json.decode(msgspec.json.encode(record), type=cls) == record


def _example(kind: object) -> object:
    if kind is int:
        return 7
    if kind is str:
        return "x"
    choices = getattr(kind, "__args__", ())
    return choices[0] if choices and isinstance(choices[0], str) else ["x"]
