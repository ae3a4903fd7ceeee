"""Requests to upstreams' token endpoints, and their answers.

Sources: RFC 6749 §2.3.1, §5; RFC 7523 §2.2 (private_key_jwt); RFC 8693 §2.2.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from entresol.core.errors import ConfigError
from entresol.core.fetching import FetchRequest, FetchResponse, Steps
from entresol.identity.outgoing.granted import Granted, TokenRefused
from entresol.identity.records.upstreams import UpstreamAuth

Form = Sequence[tuple[str, str]]

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a type, not a token
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
ID_JAG: Final = "urn:ietf:params:oauth:token-type:id-jag"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_S: Final = 60
_LONGEST_S: Final = 86_400
_TIMEOUT_S: Final = 15.0


class _Answer(msgspec.Struct):
    access_token: str = ""
    token_type: str = ""
    expires_in: Any = None
    refresh_token: str | None = None
    scope: str | None = None
    issued_token_type: str | None = None
    error: str | None = None
    error_description: str | None = None


_decode: Final = msgspec.json.Decoder(_Answer).decode


def ask(
    auth: UpstreamAuth, form: Form, now: int, endpoint: str = "", token_types: tuple[str, ...] = ()
) -> Steps[Granted]:
    """Ask a token endpoint. `token_types` are the values that `issued_token_type` may have, when the grant says one.

    Raises TokenRefused, FetchFailed, ConfigError `upstream_auth_incomplete`.
    """
    where = endpoint or needed(auth, "token_endpoint")
    answer = yield _request(auth, where, form, now)
    return _read(answer, where, now, token_types)


def needed(auth: UpstreamAuth, field: str) -> str:
    """A setting that the mode cannot do without. Raises ConfigError."""
    value: str = getattr(auth, field)
    if not value:
        raise ConfigError("upstream_auth_incomplete", f"upstream {auth.id}: mode {auth.mode} needs {field}", status=503)
    return value


def with_target(auth: UpstreamAuth, form: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The form with what the token is for: scopes, audience, resource."""
    if auth.scopes:
        form.append(("scope", " ".join(auth.scopes)))
    if auth.audience:
        form.append(("audience", auth.audience))
    if auth.resource:
        form.append(("resource", auth.resource))
    return form


def _request(auth: UpstreamAuth, endpoint: str, form: Form, now: int) -> FetchRequest:
    fields = list(form)
    headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
    method = auth.client_authentication
    if method == "client_secret_basic":
        pair = f"{quote_plus(needed(auth, 'client_id'))}:{quote_plus(needed(auth, 'client_secret'))}"
        headers.append(("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    else:
        fields.append(("client_id", needed(auth, "client_id")))
    if method == "client_secret_post":
        fields.append(("client_secret", needed(auth, "client_secret")))
    elif method == "private_key_jwt":
        fields += [("client_assertion_type", _ASSERTION), ("client_assertion", _assertion(auth, endpoint, now))]
    taken = {name for name, _ in fields}
    fields += [(name, value) for name, value in auth.extra_parameters if name not in taken]
    body = urlencode(fields).encode()
    return FetchRequest(
        url=endpoint, method="POST", headers=tuple(headers), body=body, origin="configured", timeout_s=_TIMEOUT_S
    )


def _assertion(auth: UpstreamAuth, endpoint: str, now: int) -> str:
    """RFC 7523 §3: who we are, for this authorization server only, once, for a minute."""
    key = _private_key(auth)
    algorithm = key.get("alg") or {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}.get(key.key_type, "")
    claims = {
        "iss": auth.client_id,
        "sub": auth.client_id,
        "aud": auth.issuer or endpoint,
        "iat": now,
        "exp": now + _ASSERTION_S,
        "jti": secrets.token_urlsafe(16),
    }
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": key.kid} if key.kid else {})
    return jwt.encode(header, claims, key, algorithms=[str(algorithm)])


def _private_key(auth: UpstreamAuth) -> jwk.Key:
    text = needed(auth, "client_key")
    try:
        key = jwk.import_key(json.loads(text))
    except (ValueError, TypeError, LookupError, JoseError):
        key = None
    if key is None or not key.is_private:
        message = f"upstream {auth.id}: client_key is no private JWK"
        raise ConfigError("upstream_auth_incomplete", message, status=503)
    return key


def _read(answer: FetchResponse, where: str, now: int, token_types: tuple[str, ...]) -> Granted:
    try:
        found = _decode(answer.body)
    except msgspec.DecodeError:
        raise TokenRefused(where, f"status {answer.status}", "the answer is no token answer") from None
    if answer.status != 200 or found.error:
        raise TokenRefused(where, found.error or f"status {answer.status}", found.error_description or "")
    if not found.access_token:
        raise TokenRefused(where, "invalid_response", "it has no access_token")
    if token_types:
        if found.issued_token_type not in token_types:
            raise TokenRefused(where, "invalid_response", f"it issued a {found.issued_token_type}")
    elif found.token_type.lower() != "bearer":
        raise TokenRefused(where, "invalid_response", f"a token of type {found.token_type!r} cannot be used")
    return Granted(
        access_token=found.access_token,
        expires_at=_end(found.expires_in, now),
        refresh_token=found.refresh_token or "",
        scopes=tuple((found.scope or "").split()),
    )


def _end(expires_in: object, now: int) -> int | None:
    """Some servers send the number as a text."""
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:10])
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not expires_in >= 0:
        return None
    return now + int(min(expires_in, _LONGEST_S))
