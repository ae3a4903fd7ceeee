"""core.uri"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.uri import escape_path, normalise_path

CASES = [
    ("/", "/"),
    ("*", "*"),
    ("/a/b", "/a/b"),
    ("/a/b/", "/a/b/"),
    ("/a.b/c..d", "/a.b/c..d"),
    ("/%61%2e", "/a."),
    ("/%2f%3a", "/%2F%3A"),
    ("/a//b", "/a/b"),
    ("//", "/"),
    ("///a///", "/a/"),
    ("/a/./b", "/a/b"),
    ("/a/../b", "/b"),
    ("/a/b/..", "/a/"),
    ("/a/.", "/a/"),
    ("/..", "/"),
    ("/../../a", "/a"),
    ("/a/%2e%2e/b", "/b"),
    ("/a/%2E./b", "/b"),
    ("/.a", "/.a"),
    ("/...", "/..."),
    ("/a b", "/a%20b"),
    ("/é", "/%C3%A9"),
    ("/a%zz", "/a%25zz"),
    ("/%", "/%25"),
    ("/%00\x00", "/%00%00"),
    ("/a\\b", "/a%5Cb"),
    ("/%252e", "/%252e"),
    ("/~user", "/~user"),
    ("/a;b=1,c", "/a;b=1,c"),
]


@pytest.mark.parametrize(("path", "normal"), CASES)
def test_paths_get_one_form(path: str, normal: str) -> None:
    assert normalise_path(path) == normal


PATHS = st.text(alphabet=st.sampled_from("/.%2eEfFaA0 é\\~"), max_size=20).map(lambda rest: "/" + rest)


@given(PATHS | st.text(max_size=30).map(lambda rest: "/" + rest))
def test_the_form_is_final_and_safe(path: str) -> None:
    normal = normalise_path(path)
    assert normalise_path(normal) == normal
    assert normal.startswith("/")
    assert normal.isascii()
    assert "//" not in normal
    assert not {".", ".."} & set(normal.split("/"))


@given(PATHS)
def test_escaping_twice_changes_nothing(path: str) -> None:
    assert escape_path(escape_path(path)) == escape_path(path)


def test_a_long_path_takes_linear_time() -> None:
    normalise_path("/a" * 100_000 + "//")
    normalise_path("/." * 100_000)
    normalise_path("a" * 200_000)
