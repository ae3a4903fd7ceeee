"""Registered claims, read one by one."""

from typing import Any

import pytest

from entresol.identity.jwt_claims import MAX_ACTORS, actors_of, audiences_of, confirmation_of, numeric_date


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (5, 5),
        (5.5, 5.5),
        (0, 0),
        (-1, None),
        (True, None),
        ("5", None),
        (None, None),
        (float("inf"), None),
        (2**40, None),
    ],
)
def test_times_are_numbers_of_seconds(value: object, read: float | None) -> None:
    assert numeric_date({"exp": value}, "exp") == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("a", {"a"}),
        (["a", "b"], {"a", "b"}),
        ("", set()),
        ([], set()),
        ([""], set()),
        (None, set()),
        (["a", None], set()),
    ],
)
def test_an_audience_that_cannot_be_read_is_nobody(value: object, read: set[str]) -> None:
    assert audiences_of({"aud": value}) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ""),
        ({"jkt": "t"}, "jkt:t"),
        ({"x5t#S256": "t"}, "x5t#S256:t"),
        ({"jkt": ""}, "unknown"),
        ({"jkt": "t", "x5t#S256": "t"}, "unknown"),
        ({"kid": "t"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_a_binding_is_known_or_unknown_but_never_overlooked(value: object, read: str) -> None:
    assert confirmation_of({"cnf": value}) == read


def test_chains_of_actors_have_an_end() -> None:
    act: dict[str, Any] = {"sub": "last"}
    for _ in range(50):
        act = {"sub": "a", "act": act}
    assert len(actors_of({"act": act}, "https://idp.example")) == MAX_ACTORS
