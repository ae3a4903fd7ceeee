"""What all records have."""

import pytest

from entresol.core.record import Record


class Thing(Record, frozen=True, kw_only=True):
    kind = "things"

    name: str


def test_a_record_that_is_not_stored_yet_has_no_revision() -> None:
    assert Thing(id="1", name="a").revision == 0


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Thing(id="1", name="a").name = "b"  # type: ignore[misc]


def test_what_is_said_of_the_table_is_no_field() -> None:
    assert set(Thing.__struct_fields__) == {"id", "organisation", "revision", "created_at", "updated_at", "name"}
