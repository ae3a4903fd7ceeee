"""store.text_reading"""

import contextlib
import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from entresol.store import text_reading
from entresol.store.text_reading import UnreadableText, read_text

GOOD: list[tuple[str | bytes, Any]] = [
    ("a: 1", {"a": 1}),
    (b"\xef\xbb\xbfa: 1", {"a": 1}),
    (r'{"a": "\ud83d\ude00"}', {"a": "\N{GRINNING FACE}"}),
    ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
    ("{a: b, c: [d]}", {"a": "b", "c": ["d"]}),
    ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
    ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}),
    ("a: &x {k: 1}\nb: &y {l: 2}\nc: {<<: [*x, *y]}", {"a": {"k": 1}, "b": {"l": 2}, "c": {"k": 1, "l": 2}}),
    ("a: !!str 1\nb: !!int '2'", {"a": "1", "b": 2}),
    ("a: 2024-02-01", {"a": "2024-02-01"}),
    ("a: '1'\nb: \"true\"\nc: yes\nd: ~\ne: 1.5e3", {"a": "1", "b": "true", "c": True, "d": None, "e": "1.5e3"}),
    ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ("1: a\non: b\n~: c\n1.50: d", {"1": "a", "on": "b", "~": "c", "1.50": "d"}),
    ("a: &x on\nb: *x", {"a": True, "b": True}),
    ("", None),
    ("# nothing", None),
    ("- a", ["a"]),
]
BAD: list[tuple[str | bytes, str]] = [
    ("a: 1\nb: 2\na: 3", "line 3, column 1: duplicate key 'a'"),
    ("a:\n  b: 1\n  b: 2", "line 3, column 3: duplicate key 'b'"),
    ('{"a": 1, "a": 2}', "duplicate key 'a'"),
    (r'{"a": "\ud800"}', "a text holds half of a surrogate pair, which is no character"),
    ('{"\ud800": 1}', "a text holds half of a surrogate pair, which is no character"),
    ('{"a": NaN}', "NaN is not a JSON number"),
    ('{"a": 1e999}', "1e999 is larger than any number that can be kept"),
    ("a: .nan", "line 1, column 4: '.nan' is not a finite number"),
    ("a: [-.inf]", "line 1, column 5: '-.inf' is not a finite number"),
    ("a: &x 1\n*x : b", "line 2, column 1: a key must be a string"),
    ("1: a\n'1': b", "line 2, column 1: duplicate key '1'"),
    ("a: [1", "line 2, column 1: did not find expected ',' or ']'"),
    ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
    ("a: *x", "line 1, column 4: the alias *x has no anchor before it"),
    ("a: &x [*x]", "line 1, column 8: the alias *x has no anchor before it"),
    ("a: !!python/object/apply:os.system [x]", "line 1, column 4: the tag 'tag:yaml.org,2002:python/object"),
    ("a: !!binary eA==", "line 1, column 4: the tag 'tag:yaml.org,2002:binary' is not allowed"),
    ("a: !!set {x}", "line 1, column 4: the tag 'tag:yaml.org,2002:set' is not allowed"),
    ("a: !!int x", "line 1, column 4: the value is not a int"),
    ("a: {<<: 1}", "line 1, column 9: <<: expects a mapping or a list of mappings"),
    ("? [a]\n: b", "line 1, column 5: a key must be a string"),
    ("a: 1\n---\nb: 2", "line 2, column 1: a second document"),
    ("[" * 65 + "]" * 65, "line 1, column 65: nested deeper than 64 levels"),
    ('{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64 levels"),
    ('{"a":' * 100_000, "nested deeper than 64 levels"),
    (b"a: \xff", "not UTF-8: byte 3"),
    ("a: \ud800", "not YAML: 'utf-8' codec can't encode character '\\ud800' in position 3: surrogates not allowed"),
    ("a: \x00", "not YAML: unacceptable character #x0000: control characters are not allowed"),
    ('{"a": ' + "9" * 5000 + "}", "Exceeds the limit (4300 digits) for integer string conversion"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "data"), GOOD)
def test_data_is_read(text: str | bytes, data: Any) -> None:
    assert read_text(text) == data


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_data_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    with pytest.raises(UnreadableText) as raised:
        read_text(text)
    assert str(raised.value).startswith(message)


def test_aliases_that_would_explode_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    started = time.perf_counter()
    with pytest.raises(UnreadableText, match="values once aliases are written out"):
        read_text("\n".join(lines))
    assert time.perf_counter() - started < 1


def test_merges_that_would_explode_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_reading, "MAX_NODES", 100)
    with pytest.raises(UnreadableText, match="more than 100 values"):
        read_text("a: &a {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\nb:\n" + "- {<<: *a}\n" * 20)


def test_a_text_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_reading, "MAX_BYTES", 10)
    with pytest.raises(UnreadableText, match="larger than 10 bytes"):
        read_text("a: 123456789")


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), DATA, max_size=4))
def test_json_reads_as_written(data: dict[str, Any]) -> None:
    assert read_text(json.dumps(data)) == data


WRITABLE = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
YAML_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WRITABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WRITABLE, inner, max_size=4),
    max_leaves=15,
)


@given(YAML_DATA, st.booleans())
def test_yaml_reads_as_written(data: Any, flow: bool) -> None:
    written = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True)
    if not written.startswith("{"):
        assert read_text(written) == data


@given(st.text(max_size=60) | st.binary(max_size=60) | st.text(alphabet="{}[]&*!:-,\"'a\n #|>%<", max_size=40))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(UnreadableText):
        read_text(text)
