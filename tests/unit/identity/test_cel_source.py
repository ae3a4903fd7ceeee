"""Expressions are measured before anything runs them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.cel_source import MAX_CHARACTERS, MAX_WORDS, CelFault, measure, words_of


def measured(source: str) -> tuple[int, int]:
    found = measure(source, words_of(source))
    return found.loop_depth, found.growth


def test_words_are_told_apart() -> None:
    kinds = [(word.kind, word.text) for word in words_of("a.b('x)' + r\"\\d\", 1.5e3) // c\n && !c")]
    assert [text for _, text in kinds] == ["a", ".", "b", "(", "'x)'", "+", 'r"\\d"', ",", "1.5e3", ")", "&&", "!", "c"]
    assert {kind for kind, _ in kinds} == {"name", "sign", "text", "number"}


@pytest.mark.parametrize(
    ("source", "depth", "growth"),
    [
        ("a == 'b'", 0, 1),
        ("a + b + c", 0, 3),
        ("a.exists(x, x == 'y')", 1, 1),
        ("a.map(x, x + x)", 1, 4),
        ("a.map(x, x).filter(y, y)", 1, 1),
        ("a.all(x, b.all(y, x != y))", 2, 1),
        ("a.exists(x, ')' in x) && b.exists(x, x in [1, 2])", 1, 1),
        ("'a.map(x, b.map(y, c.map(z, 1)))'", 0, 1),
    ],
)
def test_loops_and_growth_are_counted(source: str, depth: int, growth: int) -> None:
    assert measured(source) == (depth, growth)


@pytest.mark.parametrize(
    ("source", "why", "place"),
    [
        ("", "empty", (0, 0)),
        (" // nothing", "empty", (0, 0)),
        ("a ; b", "cannot stand", (1, 3)),
        ("a == 'b", "cannot stand", (1, 6)),
        ("a &&\n\n   @", "cannot stand", (3, 4)),
        ("a" * (MAX_CHARACTERS + 1), "characters", (0, 0)),
        ("!" * (MAX_WORDS + 1), "words", (1, MAX_WORDS + 1)),
        ("(" * 25 + ")" * 25, "nested", (1, 25)),
        ("[" * 25, "nested", (1, 25)),
        ("a.map(x, a.map(y, a.map(z, 1)))", "loops are nested", (1, 24)),
        ("a.map(x, x+x+x).map(x, x+x+x).map(x, x+x+x)", "adds up", (0, 0)),
    ],
)
def test_what_would_cost_too_much_is_refused_with_its_place(source: str, why: str, place: tuple[int, int]) -> None:
    with pytest.raises(CelFault, match=why) as caught:
        measure(source, words_of(source))
    assert (caught.value.line, caught.value.column) == place


@given(st.text(alphabet="ab.('\"[{}])+map, \n\\/", max_size=60))
def test_any_text_is_measured_or_refused(source: str) -> None:
    try:
        measure(source, words_of(source))
    except CelFault:
        return
