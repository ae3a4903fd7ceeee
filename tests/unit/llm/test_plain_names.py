"""Which names every provider takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.plain_names import is_plain_name


@pytest.mark.parametrize("name", ["get_weather", "a", "_", "9lives", "toolu_01", "get-weather", "-", "Z" * 64, "class"])
def test_letters_digits_underscores_and_hyphens_are_plain(name: str) -> None:
    assert is_plain_name(name, 64)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "größe", "a\n", "\ud800", "x" * 65, "ªb", "a/b"])
def test_all_else_is_not(name: str) -> None:
    assert not is_plain_name(name, 64)


@given(st.text(max_size=12) | st.from_regex(r"[a-zA-Z0-9_-]{0,12}", fullmatch=True))
def test_it_says_what_the_pattern_says(name: str) -> None:
    assert is_plain_name(name, 10) is (re.fullmatch(r"[a-zA-Z0-9_-]{1,10}", name) is not None)
