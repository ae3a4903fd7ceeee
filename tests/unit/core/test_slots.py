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
