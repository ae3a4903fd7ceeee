"""Where the network cuts a message must not matter: every cut gives the answer of the uncut message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http1.cases import CASES, Case
from conformance.http1.in_memory import Outcome, outcome_of, split
from conformance.http1.valid_cases import VALID_CASES, ValidCase

EVERY_BYTE = 700
"""Messages up to this size are cut at every byte; of longer ones, where their structure is and at samples."""

ALL: list[Case | ValidCase] = [*CASES, *VALID_CASES]


def hangs_up(case: Case | ValidCase) -> bool:
    return isinstance(case, Case) and case.hangs_up


def verdict(outcome: Outcome) -> tuple[bool, bool, tuple[tuple[object, ...], ...]]:
    """Was it refused, did the connection end, and what was taken."""
    written, is_over, taken = outcome
    return b"x-entresol-error" in written, is_over, taken


def places_in(data: bytes) -> list[int]:
    if len(data) <= EVERY_BYTE:
        return list(range(1, len(data)))
    edges = {*range(1, 200), *range(len(data) - 100, len(data))}
    return sorted(edges | set(range(200, len(data), max(1, len(data) // 200))))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_one_cut_anywhere_changes_nothing(case: Case | ValidCase) -> None:
    whole = outcome_of([case.data], hangs_up(case))
    for place in places_in(case.data):
        assert outcome_of(split(case.data, [place]), hangs_up(case)) == whole, f"cut at {place}"


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_byte_by_byte_changes_nothing(case: Case | ValidCase) -> None:
    pieces = [case.data[place : place + 1] for place in range(len(case.data))]
    assert outcome_of(pieces, hangs_up(case)) == outcome_of([case.data], hangs_up(case))


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_any_cuts_change_nothing(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(ALL))
    places = data.draw(st.lists(st.integers(1, max(1, len(case.data) - 1)), max_size=12))
    assert outcome_of(split(case.data, places), hangs_up(case)) == outcome_of([case.data], hangs_up(case))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_pipeline_of_any_messages_is_answered_alike_however_it_is_cut(data: st.DataObject) -> None:
    cases = data.draw(st.lists(st.sampled_from([case for case in ALL if not hangs_up(case)]), min_size=2, max_size=4))
    stream = b"".join(case.data for case in cases)
    places = data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=12))
    assert outcome_of(split(stream, places)) == outcome_of([stream])


@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_a_changed_byte_is_answered_alike_however_the_message_is_cut(data: st.DataObject) -> None:
    """Mutations of the table: cutting a damaged message changes neither what is taken nor whether it is refused. With
    two faults in one message the cut may decide which one is named."""
    case = data.draw(st.sampled_from([case for case in ALL if len(case.data) < EVERY_BYTE]))
    changed = bytearray(case.data)
    for place in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=3)):
        changed[place] = data.draw(st.sampled_from(b'\0\t\n\r ,:;="0159AZaz\x7f\xff') | st.integers(0, 255))
    message = bytes(changed) + b"\r\n\r\n"  # a trailer section is judged when it is whole: make it so
    places = data.draw(st.lists(st.integers(1, len(message) - 1), min_size=1, max_size=12))
    assert verdict(outcome_of(split(message, places))) == verdict(outcome_of([message]))
