import json

import pytest

from entresol.llm.events import ErrorDetail
from entresol.llm.registry import format_named

CHAT = format_named("openai-chat")


ERRORS = [
    (
        b'{"error":{"message":"m","type":"t","code":"c","param":"p"}}',
        ErrorDetail(status=400, message="m", type="t", code="c", param="p"),
    ),
    (b'{"error":{"message":"m","code":429}}', ErrorDetail(status=400, message="m", code="429")),
    (b'{"error":"short"}', ErrorDetail(status=400, message="short")),
    (b'{"object":"error","message":"m","type":"t","code":1}', ErrorDetail(status=400, message="m", type="t", code="1")),
    (b'{"detail":"Not Found"}', ErrorDetail(status=400, message="Not Found")),
    (b'{"detail":[{"loc":["body"]}]}', ErrorDetail(status=400, message='[{"loc":["body"]}]')),
    (b'{"error":{}}', ErrorDetail(status=400, message="the provider gave no message")),
    (b"<html>", None),
    (b"", None),
    (b"{}", None),
    (b'{"a":' + b"[" * 100_000, None),
]


@pytest.mark.parametrize(("body", "error"), ERRORS)
def test_errors_are_read_as_openai_and_its_followers_write_them(body: bytes, error: ErrorDetail | None) -> None:
    assert CHAT.decode_error(400, body) == error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (504, "server_error"),
    ],
)
def test_our_errors_have_openais_types(status: int, kind: str) -> None:
    content_type, body = CHAT.encode_error(status, "some_code", "what happened", "r" * 32)
    assert content_type.startswith(b"application/json")
    assert json.loads(body) == {
        "error": {"message": "what happened", "type": kind, "param": None, "code": "some_code"},
        "message": "what happened",
        "request_id": "r" * 32,
    }


def test_the_providers_request_id_is_kept() -> None:
    body = CHAT.error_body(ErrorDetail(status=500, message="m", request_id="req_1"), "ours")
    assert json.loads(body)["error"]["request_id"] == "req_1"
