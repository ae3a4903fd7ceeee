from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.policy.request_fields import (
    body_values,
    body_without,
    query_values,
    with_parameters_masked,
    without_parameters,
)

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--b\r\ncontent-disposition: form-data; filename="f"; name="k"\r\nContent-Type: x/y\r\n\r\n\r\ntwo\r\n--b--\r\n'
)


@given(st.text("ab%2+=&;k", max_size=30))
def test_query_values_are_those_the_standard_library_reads(query: str) -> None:
    for name in ("a", "k", "ab", ""):
        expected = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
        if name:
            assert query_values(query, name) == expected


@given(st.text("ab%2+=&;k", max_size=30))
def test_what_is_left_of_a_query_are_the_other_pieces_untouched(query: str) -> None:
    left = without_parameters(query, {"a"})
    assert query_values(left, "a") == []
    kept = [piece for piece in query.split("&") if parse_qsl(piece, keep_blank_values=True)[:1] or not piece]
    assert [piece for piece in left.split("&") if piece] == [
        piece for piece in kept if piece and query_values(piece, "a") == []
    ]


def test_masking_keeps_names_and_order() -> None:
    masked = with_parameters_masked("a=1&k%65y=secret&b&key=x%20y&key", lambda name: name == "key", "***")
    assert masked == "a=1&k%65y=***&b&key=***&key=***"


@pytest.mark.parametrize(
    ("content_type", "body", "values"),
    [
        ("application/json; charset=utf-8", b'{"k":"v"}', ["v"]),
        ("application/vnd.api+json", b'{"k":["v","w",1]}', ["v", "w"]),
        ("application/json", b'{"k":5}', []),
        ("application/json", b'[{"k":"v"}]', []),
        ("application/json", b'{"k":"v"', []),
        ("application/x-www-form-urlencoded", b"k=a%20b&k=c", ["a b", "c"]),
        ("multipart/form-data; boundary=b", MULTIPART, ["\r\ntwo"]),
        ("multipart/form-data", MULTIPART, []),
        ("text/plain", b"k=v", []),
        ("", b"k=v", []),
    ],
)
def test_values_are_read_from_every_kind_of_body(content_type: str, body: bytes, values: list[str]) -> None:
    assert body_values(content_type, body, "k") == values


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{ "a" : 1 }'),
        ("application/json", b"not json"),
        ("application/x-www-form-urlencoded", b"a=%zz&b"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data", MULTIPART),
        ("application/octet-stream", bytes(range(256))),
    ],
)
def test_a_body_without_the_field_keeps_its_bytes(content_type: str, body: bytes) -> None:
    assert body_without(content_type, body, {"k"}) == body


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans()))
def test_a_json_body_loses_the_field_and_nothing_else(fields: dict[str, object]) -> None:
    body = msgspec.json.encode({**fields, "k": "secret"})
    left = msgspec.json.decode(body_without("application/json", body, {"k"}))
    assert left == {key: value for key, value in fields.items() if key != "k"}
