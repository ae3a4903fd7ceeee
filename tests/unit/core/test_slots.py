"""Typed per-request context."""

import pytest

from entresol.core.slots import Slot, Slots

NUMBER: Slot[int] = Slot("number")
OTHER: Slot[int] = Slot("number")


def test_a_slot_holds_what_was_written() -> None:
    slots = Slots()
    slots[NUMBER] = 5
    assert slots[NUMBER] == 5
    assert NUMBER in slots


def test_two_slots_of_one_name_are_two() -> None:
    slots = Slots()
    slots[NUMBER] = 5
    assert slots.get(OTHER) is None


def test_an_unwritten_slot_says_so() -> None:
    with pytest.raises(KeyError, match="number"):
        Slots()[NUMBER]


def test_slots_are_an_object_of_their_own_whatever_they_hold() -> None:
    one, other = Slots(), Slots()
    assert one != other
    assert bool(one)
    assert len({one, other}) == 2


def test_values_are_not_shown() -> None:
    slots = Slots()
    slots[NUMBER] = 123_456_789
    assert "123456789" not in repr(slots)
