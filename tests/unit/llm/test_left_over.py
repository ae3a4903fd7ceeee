"""What only the provider's format knows."""

import msgspec
import pytest
from msgspec import UNSET

from entresol.llm.events import ChatEvent, LeftOver
from entresol.llm.left_over import LeftOvers, Unread, unread_fields


class Wire(msgspec.Struct, rename="camel"):
    known: int = 0
    safety_ratings: Unread = UNSET
    finish_message: Unread = UNSET


FIELDS = unread_fields(Wire)


def told(left_over: LeftOvers, body: bytes) -> list[ChatEvent]:
    out: list[ChatEvent] = []
    left_over.tell_of(msgspec.json.decode(body, type=Wire), FIELDS, out)
    return out


def test_unread_fields_have_the_names_of_the_wire() -> None:
    assert FIELDS == (("safety_ratings", "safetyRatings"), ("finish_message", "finishMessage"))


def test_each_name_is_told_once() -> None:
    left_over = LeftOvers()
    assert told(left_over, b'{"known":1}') == []
    assert told(left_over, b'{"safetyRatings":[1]}') == [LeftOver(["safetyRatings"])]
    assert told(left_over, b'{"safetyRatings":[2],"finishMessage":"x"}') == [LeftOver(["finishMessage"])]


@pytest.mark.parametrize("body", [b'{"safetyRatings":[]}', b'{"safetyRatings":null}'])
def test_nothing_is_nothing_to_tell(body: bytes) -> None:
    assert told(LeftOvers(), body) == []


def test_names_without_end_are_not_kept() -> None:
    left_over = LeftOvers()
    out: list[ChatEvent] = []
    for number in range(1000):
        left_over.tell((f"name-{number}",), out)
    assert len(out) == 100
