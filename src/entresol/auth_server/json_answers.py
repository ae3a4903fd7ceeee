"""Requests of programs and answers to them: JSON that no cache keeps, and errors as RFC 6749 §5.2 has them."""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from entresol.core.errors import GatewayError
from entresol.core.storage import StoreDown
from entresol.identity.oauth.errors import OAuthError

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON. Not kept by caches unless the headers say so."""
    return Response(msgspec.json.encode(body), status, {**NO_STORE, **(headers or {})}, media_type="application/json")


def error_answer(error: GatewayError) -> Response:
    """An error for a program. What is not OAuth's own comes as `temporarily_unavailable` or `server_error`."""
    if isinstance(error, OAuthError):
        body = error.body
    elif isinstance(error, StoreDown):
        body = OAuthError("temporarily_unavailable", "the store cannot be reached, try again").body
    else:
        body = OAuthError("server_error" if error.status >= 500 else "invalid_request", error.message).body
    answer = json_answer(body, error.status)
    for name, value in error.headers:
        answer.headers.append(name.decode("latin-1"), value.decode("latin-1"))
    return answer


async def body_of(request: Request, limit: int) -> bytes:
    """The body. Raises OAuthError `invalid_request` when it is larger than `limit`, before it has been read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise OAuthError("invalid_request", f"the body is larger than {limit} bytes", status=413)
    return bytes(body)
