"""Answers to programs."""

import asyncio
import json

import pytest
from starlette.requests import Request
from starlette.types import Message

from entresol.auth_server.json_answers import body_of, error_answer, json_answer
from entresol.core.errors import ClientError, InternalError
from entresol.core.storage import StoreDown
from entresol.identity.oauth.errors import OAuthError


def test_json_is_not_kept_by_caches_unless_it_says_so() -> None:
    answer = json_answer({"a": 1})
    assert (answer.status_code, bytes(answer.body)) == (200, b'{"a":1}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert json_answer({}, headers={"Cache-Control": "public"}).headers["cache-control"] == "public"


def test_an_error_has_oauths_members_status_and_header_fields() -> None:
    headers = ((b"www-authenticate", b"Basic"), (b"www-authenticate", b"DPoP"))
    answer = error_answer(OAuthError("invalid_client", "no", status=401, headers=headers))
    assert answer.status_code == 401
    assert json.loads(bytes(answer.body)) == {"error": "invalid_client", "error_description": "no"}
    assert answer.headers.getlist("www-authenticate") == ["Basic", "DPoP"]


def test_what_is_not_oauths_own_gets_one_of_its_codes() -> None:
    cases = [
        (StoreDown("secret place"), 503, "temporarily_unavailable"),
        (InternalError("x", "y"), 500, "server_error"),
        (ClientError("not_found", "y", status=404), 404, "invalid_request"),
    ]
    for error, status, code in cases:
        answer = error_answer(error)
        assert (answer.status_code, json.loads(bytes(answer.body))["error"]) == (status, code)
        assert b"secret place" not in bytes(answer.body)


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    chunks = [b"x" * 10] * 5
    read = 0

    async def receive() -> Message:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": chunks[read - 1], "more_body": read < len(chunks)}

    scope = {"type": "http", "method": "POST", "headers": []}
    assert asyncio.run(body_of(Request(scope, receive), 50)) == b"x" * 50
    read = 0
    with pytest.raises(OAuthError) as caught:
        asyncio.run(body_of(Request(scope, receive), 25))
    assert (caught.value.status, read) == (413, 3)
