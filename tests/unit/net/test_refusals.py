"""Refusals as bytes on the wire."""

import json
import re

import pytest

from entresol.net import refusals
from entresol.net.refusals import Refusal

ALL = [value for value in vars(refusals).values() if isinstance(value, Refusal)] + [
    refusals.malformed("x"),
    refusals.framing_ambiguous("x"),
    refusals.body_malformed("x"),
    refusals.target_invalid("x"),
]


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: f"{refusal.code}-{refusal.status}")
def test_a_refusal_is_a_complete_response_that_closes(refusal: Refusal) -> None:
    head, _, body = refusal.encode().partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 [45]\d\d [A-Z].*", lines[0])
    assert b"connection: close" in lines
    assert b"content-length: %d" % len(body) in lines
    assert b"x-entresol-error: " + refusal.code.encode() in lines
    assert json.loads(body) == {"message": refusal.message, "code": refusal.code}


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: f"{refusal.code}-{refusal.status}")
def test_a_code_is_a_slug(refusal: Refusal) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]+", refusal.code)


def test_a_refusal_of_head_has_no_body_but_its_length() -> None:
    whole, headless = refusals.REQUEST_TIMEOUT.encode(), refusals.REQUEST_TIMEOUT.encode(with_body=False)
    assert headless.endswith(b"\r\n\r\n")
    assert whole.startswith(headless)
