"""Errors of the Admin API: problem details (RFC 9457), with a stable `code`."""

from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from entresol.core.decision import Deny
from entresol.core.errors import GatewayError

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:entresol:error:"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """As in docs/reference/errors.md."""
    fields: tuple[str, ...] = ()
    """Of the body, where some of them are at fault."""


def problem_answer(error: GatewayError) -> Response:
    """An error as it is sent."""
    fields = getattr(error, "fields", ())
    answer = _answer(error.code, error.status, error.message, tuple(fields))
    for name, value in error.headers:
        answer.headers.append(name.decode("latin-1"), value.decode("latin-1"))
    return answer


def denied_answer(deny: Deny) -> Response:
    """A refusal of who asks. 401 comes with a challenge (RFC 6750 §3)."""
    answer = _answer(deny.code, deny.status, deny.message, ())
    if deny.status == 401:
        answer.headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return answer


def _answer(code: str, status: int, detail: str, fields: tuple[str, ...]) -> Response:
    body = Problem(
        type=f"{TYPE_PREFIX}{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        fields=fields,
    )
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, MEDIA_TYPE)
