import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.json_progress import JsonProgress

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\{}[]é,:\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('k"\\{', max_size=3), inner, max_size=3),
    max_leaves=6,
)


def progress(*pieces: str) -> JsonProgress:
    made = JsonProgress()
    for piece in pieces:
        made.add(piece)
    return made


@given(st.dictionaries(st.text('k"\\{', max_size=3), VALUES, max_size=3), st.data())
def test_an_object_is_whole_at_its_end_and_nowhere_before(value: object, data: st.DataObject) -> None:
    text = msgspec.json.encode(value).decode()
    made = JsonProgress()
    at = 0
    while at < len(text):
        assert not made.is_whole
        step = data.draw(st.integers(1, len(text) - at))
        made.add(text[at : at + step])
        at += step
    assert made.is_whole


@pytest.mark.parametrize("text", ["", " ", "nul", "city=Paris", '"{}', '{"a":"}', "[1", '{"a":"\\"}'])
def test_what_goes_on_or_is_no_object_is_not_whole(text: str) -> None:
    assert not progress(text).is_whole


def test_a_second_object_behind_the_first_goes_on() -> None:
    made = progress('{"a":1}')
    assert made.is_whole
    made.add('{"b"')
    assert not made.is_whole


def test_asking_after_each_of_many_pieces_takes_linear_time() -> None:
    made = progress('{"a":"')
    began = time.process_time()
    for _ in range(50_000):
        made.add("words of some length, ")
        assert not made.is_whole
    assert time.process_time() - began < 2
