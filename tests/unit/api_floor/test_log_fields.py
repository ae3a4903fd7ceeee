import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.api_floor.log_fields import (
    MAX_LENGTH,
    MAX_NAMES,
    MAX_VALUES,
    SECRET_HEADERS,
    ShownFields,
    shown_fields,
)
from entresol.core.http import HeaderPairs

NONE: frozenset[str] = frozenset()
NAMES = st.sampled_from([b"accept", b"x-a", b"cookie"]) | st.binary(min_size=1, max_size=4)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=6) | st.text(max_size=6).map(str.encode)), max_size=6)


def members(pairs: HeaderPairs, secrets: frozenset[str]) -> dict[str, str | list[str]]:
    """What has to be shown, in the plainest way."""
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        name = key.decode("latin-1")
        is_hidden = key in SECRET_HEADERS or name in secrets
        values.setdefault(name, []).append("REDACTED" if is_hidden else value.decode("utf-8", "backslashreplace"))
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in values.items()}


def kept_values(view: ShownFields) -> list[bytes]:
    return [value for name in view._names.values() for value in name.members]


@given(FIELDS, st.sampled_from([NONE, frozenset(("x-a",)), frozenset(("host",))]))
def test_fields_are_an_object_of_texts_and_lists_of_texts(pairs: HeaderPairs, secrets: frozenset[str]) -> None:
    view, expected = shown_fields(secrets), msgspec.json.encode(members(pairs, secrets))
    assert [view.json(pairs), view.json(pairs)] == [expected] * 2


@pytest.mark.parametrize("name", [b"x-%d", b"x-%d" + b"x" * MAX_LENGTH])
def test_a_field_that_is_repeated_is_noticed_however_many_there_are(name: bytes) -> None:
    view = ShownFields(NONE)
    keys = [name % number for number in range(100)]
    for key in keys:
        pairs = [*((other, b"v") for other in keys), (key, b"w")]
        assert msgspec.json.decode(view.json(pairs)) == members(pairs, NONE)


@pytest.mark.parametrize("key", [*sorted(SECRET_HEADERS), b"x-mine"])
def test_a_hidden_value_is_neither_shown_nor_kept(key: bytes) -> None:
    view = ShownFields(frozenset(("x-mine",)))
    assert view.json([(key, b"SECRET")]) == f'{{"{key.decode()}":"REDACTED"}}'.encode()
    assert view.json([(key, b"SECRET"), (key, b"SECRET2")]) == f'{{"{key.decode()}":["REDACTED","REDACTED"]}}'.encode()
    assert kept_values(view) == []


def test_what_one_view_shows_another_may_hide() -> None:
    pairs = [(b"x-mine", b"value")]
    assert shown_fields(None).json(pairs) == b'{"x-mine":"value"}'
    assert shown_fields(frozenset(("x-mine",))).json(pairs) == b'{"x-mine":"REDACTED"}'
    assert shown_fields(None).json(pairs) == b'{"x-mine":"value"}'


def test_a_view_knows_whether_it_hides_the_host() -> None:
    assert [shown_fields(names).is_hiding_host for names in (None, frozenset(("host",)))] == [False, True]


def test_the_same_names_have_the_same_view_and_many_are_not_kept_for_ever() -> None:
    first = shown_fields(frozenset(("x-mine",)))
    assert shown_fields(frozenset(("x-mine",))) is first
    for number in range(100):
        expected = "REDACTED" if number == 7 else "v"
        assert shown_fields(frozenset((f"x-{number}",))).json([(b"x-7", b"v")]) == f'{{"x-7":"{expected}"}}'.encode()
    assert shown_fields(frozenset(("x-mine",))) is not first


def test_many_fields_are_shown_and_not_kept_for_ever() -> None:
    names, values = ShownFields(NONE), ShownFields(NONE)
    for number in range(3_000):
        assert names.json([(b"x-%d" % number, b"v")]) == f'{{"x-{number}":"v"}}'.encode()
        assert values.json([(b"x", b"%d" % number)]) == f'{{"x":"{number}"}}'.encode()
    assert len(names._names) <= MAX_NAMES
    assert len(kept_values(values)) <= MAX_VALUES


def test_values_that_never_come_again_are_not_kept_and_those_that_do_are() -> None:
    view = ShownFields(NONE)
    for number in range(500):
        assert view.json([(b"x-id", b"%d" % number), (b"x-a", b"v")]) == f'{{"x-id":"{number}","x-a":"v"}}'.encode()
    assert len(kept_values(view)) < 300
    assert b"v" in kept_values(view)
    for number in range(500):
        view.json([(b"x-many", b"%d" % (number % 100))])
    assert b"99" in kept_values(view)


def test_long_names_and_values_are_not_kept() -> None:
    view = ShownFields(NONE)
    long = b"v" * (MAX_LENGTH + 1)
    assert view.json([(b"x", long), (long, b"x")]) == f'{{"x":"{long.decode()}","{long.decode()}":"x"}}'.encode()
    assert (list(view._names), kept_values(view)) == ([b"x"], [])
