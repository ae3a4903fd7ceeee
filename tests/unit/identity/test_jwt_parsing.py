"""Tokens are taken apart in one way only."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.jwt_parsing import MAX_TOKEN_BYTES, MalformedToken, parse


def segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(header: bytes = b'{"alg":"ES256"}', payload: bytes = b'{"sub":"1"}', signature: bytes = b"sig!") -> bytes:
    return b".".join(map(segment, (header, payload, signature)))


def test_a_token_is_taken_apart() -> None:
    parsed = parse(token(payload=b'{"iss":"https://idp.example","n":[{"a":1}]}'))
    assert (parsed.algorithm, parsed.issuer, parsed.signature) == ("ES256", "https://idp.example", b"sig!")
    assert parsed.signing_input + b"." + segment(parsed.signature) == token(
        payload=b'{"iss":"https://idp.example","n":[{"a":1}]}'
    )


def test_an_algorithm_or_issuer_that_is_no_text_is_none() -> None:
    parsed = parse(token(header=b'{"alg":["ES256"]}', payload=b'{"iss":{"a":1}}'))
    assert (parsed.algorithm, parsed.issuer) == ("", "")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "three parts"),
        (b"a.b", "three parts"),
        (b"a.b.c.d.e", "three parts"),
        (b"a" * (MAX_TOKEN_BYTES + 1), "larger"),
        (segment(b" " * 4000) + b".e30.", "header is larger"),
        (token(header=b"[]"), "header is no JSON object"),
        (token(payload=b"{"), "payload is no JSON"),
        (token(payload=b'{"a":NaN}'), "number"),
        (token(payload=b'{"a":-Infinity}'), "number"),
        (token(payload=b'{"sub":"1","sub":"2"}'), "occurs twice"),
        (token(payload=b'{"a":{"b":1,"b":1}}'), "occurs twice"),
        (token(header=b'{"alg":"none","alg":"ES256"}'), "occurs twice"),
        (token(payload=b'{"s\\u0075b":"1","sub":"2"}'), "occurs twice"),
        (token(payload=b'{"sub":"\\ud800"}'), "half a character"),
        (token(payload=b'{"\\ud800":"x"}'), "half a character"),
        (token(payload=b'{"sub":"\xff"}'), "no JSON"),
        (token(payload='{"sub":"1"}'.encode("utf-16")), "no JSON"),
        (token(payload=b'{"a":' + b"[" * 20 + b"]" * 20 + b"}"), "nested"),
        (token(payload=b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), "nested|no JSON"),
        (token(payload=b'{"a":' + b"9" * 5000 + b"}"), "no JSON"),
        (token() + b"=", "base64url"),
        (b"+" + token()[1:], "base64url"),
        (token().replace(b".", b"\n.", 1), "base64url"),
        (token()[:-1] + b"h", "count for nothing"),
        (b"a." + token().split(b".", 1)[1], "base64url"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(MalformedToken, match=why):
        parse(raw)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    with pytest.raises(MalformedToken):
        parse(raw.replace(b"e", b""))


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.lists(st.booleans()), max_size=6))
def test_what_was_written_is_read(claims: dict[str, object]) -> None:
    try:
        payload = json.dumps(claims, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse(token(payload=payload)).claims == claims


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_gives_other_parts_or_nothing(where: int, flip: int) -> None:
    whole = token()
    place = where % len(whole)
    changed = whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
    try:
        parsed = parse(changed)
    except MalformedToken:
        return
    original = parse(whole)
    assert (parsed.signing_input, parsed.signature) != (original.signing_input, original.signature)
