"""Upstreams, callers and token endpoints for tests of the modes."""

import base64
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from entresol.core.fetching import FetchRequest, FetchResponse, Steps
from entresol.identity.outgoing.granted import Caller
from entresol.identity.principal import Principal
from entresol.identity.records.upstreams import UpstreamAuth

T = TypeVar("T")
NOW = 1_700_000_000
TOKEN_ENDPOINT = "https://as.example/token"
ADA = Principal(tenant="org", issuer="https://idp.example", subject="ada", kind="user", account="u1")
CALLER = Caller(principal=ADA, subject_token="subject.token.ada", subject_expires_at=NOW + 900)


def upstream(**fields: Any) -> UpstreamAuth:
    known: dict[str, Any] = {
        "id": "github",
        "token_endpoint": TOKEN_ENDPOINT,
        "authorization_endpoint": "https://as.example/authorize",
        "issuer": "https://as.example",
        "client_id": "gate way",
        "client_secret": "s3c:ret/&",
        "scopes": ("repo", "user"),
    }
    return msgspec.convert(known | fields, UpstreamAuth)


def token_answer(**fields: Any) -> FetchResponse:
    known = {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3600}
    return FetchResponse(status=200, body=msgspec.json.encode(known | fields))


def refusal(error: str, status: int = 400, description: str = "") -> FetchResponse:
    return FetchResponse(status=status, body=msgspec.json.encode({"error": error, "error_description": description}))


def played(steps: Steps[T], *answers: FetchResponse) -> tuple[T, list[FetchRequest]]:
    """The result of a piece of work that gets these answers, and what it asked."""
    asked = []
    try:
        request = next(steps)
        for answer in answers:
            asked.append(request)
            request = steps.send(answer)
    except StopIteration as ended:
        assert len(asked) == len(answers), "it did not ask for every answer"
        result: T = ended.value
        return result, asked
    raise AssertionError(f"it asked {request.url} once more")


def form_of(request: FetchRequest) -> dict[str, str]:
    """The fields of a form, each of which must be there once."""
    pairs = parse_qsl(request.body.decode(), strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def basic_of(request: FetchRequest) -> tuple[str, str]:
    """Client id and secret of an Authorization field (RFC 6749 §2.3.1)."""
    scheme, _, value = dict(request.headers)["authorization"].partition(" ")
    assert scheme == "Basic"
    name, _, secret = base64.b64decode(value).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)
