"""Outcomes are values."""

from entresol.core.decision import Answer, Deny, header, pairs


def test_a_header_field_from_text_or_number() -> None:
    assert header("Retry-After", 7) == (b"retry-after", b"7")


def test_outcomes_compare_by_value() -> None:
    assert Deny(401, "a", "b") == Deny(401, "a", "b")
    assert Answer(200) != Answer(204)


def test_pairs_are_a_copy_that_may_change() -> None:
    original = (header("a", "1"),)
    copied = pairs(original)
    copied.append(header("b", "2"))
    assert len(original) == 1
