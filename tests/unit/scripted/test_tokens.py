"""Counting and ids depend on their input alone."""

from hypothesis import given
from hypothesis import strategies as st

from entresol.scripted.tokens import count_json, count_text, cut_to, derived_id, pieces


def test_four_bytes_are_one_token() -> None:
    assert [count_text(text) for text in ("", "a", "abcd", "abcde", "ééé")] == [0, 1, 1, 2, 2]
    assert count_json({"a": 1}) == 2


@given(st.text(), st.integers(0, 50))
def test_cut_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    cut = cut_to(text, limit)
    assert text.startswith(cut)
    assert count_text(cut) <= limit


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


def test_ids_follow_from_their_parts_and_nothing_else() -> None:
    assert derived_id("x_", 24, b"a", 1) == derived_id("x_", 24, b"a", 1)
    assert derived_id("x_", 24, b"a", 1) != derived_id("x_", 24, b"a", 2)
    assert derived_id("x_", 24, "ab", "c") != derived_id("x_", 24, "a", "bc")
    made = derived_id("x_", 24, b"a")
    assert made.startswith("x_")
    assert len(made) == 26
    assert made.removeprefix("x_").isalnum()
