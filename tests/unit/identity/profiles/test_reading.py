"""Values out of claims."""

import pytest

from entresol.identity.profiles.reading import ClaimFault, inner, needed, text, texts, words


def test_values_of_the_right_kind_are_read() -> None:
    claims = {"a": "x y", "l": ["x", "y"], "o": {"b": 1}}
    assert (text(claims, "a"), text(claims, "l"), text(claims, "z")) == ("x y", "", "")
    assert (words(claims, "a"), words(claims, "l"), words(claims, "z")) == (("x", "y"), ("x", "y"), ())
    assert (texts(claims, "a"), texts(claims, "l"), texts(claims, "z")) == (("x y",), ("x", "y"), ())
    assert (inner(claims, "o"), inner(claims, "a")) == ({"b": 1}, {})
    assert needed(claims, "a") == "x y"


@pytest.mark.parametrize("value", [None, "", " ", 1, ["x"]])
def test_what_is_needed_must_be_there(value: object) -> None:
    with pytest.raises(ClaimFault, match="'sub'"):
        needed({"sub": value}, "sub")


@pytest.mark.parametrize("value", [1, True, {"a": 1}, ["x", 1], [["x"]]])
def test_lists_of_anything_else_are_a_fault(value: object) -> None:
    for read in (words, texts):
        with pytest.raises(ClaimFault) as caught:
            read({"groups": value}, "groups")
        assert "'groups'" in str(caught.value)
