"""Embeddings are unit vectors and near for like texts."""

import math

from entresol.scripted.embedding import vector_of


def test_vectors_have_length_one_and_follow_from_the_text() -> None:
    assert vector_of("hello world", 64) == vector_of("hello world", 64)
    assert math.isclose(sum(x * x for x in vector_of("hello world", 64)), 1, abs_tol=1e-4)
    assert len(vector_of("", 5)) == 5


def test_texts_that_share_words_are_closer_than_texts_that_do_not() -> None:
    def likeness(a: str, b: str) -> float:
        return sum(x * y for x, y in zip(vector_of(a, 64), vector_of(b, 64), strict=True))

    assert likeness("the red car", "the red bus") > likeness("the red car", "quantum foam")
