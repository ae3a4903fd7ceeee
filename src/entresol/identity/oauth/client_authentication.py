"""How a client proves at the token endpoint, and all like it, to be who it is.

Sources: RFC 6749 §2.3 (secrets), RFC 7523 §2.2 and §3 (assertions), RFC 8705 §2.1 (certificates), RFC 9700 §2.5.
One mechanism a request: two at once are refused, whichever would win.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import unquote_plus

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.signed_tokens import BadToken, SignedToken, peek, public_keys, read_signed
from entresol.identity.oauth.used_once import use_once
from entresol.identity.records.oauth_clients import OAuthClient

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS: Final = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth")
"""For `token_endpoint_auth_methods_supported`."""
MAX_ASSERTION_S: Final = 3_600
"""How far ahead an assertion's end may be, and how long ago it may have been issued."""
SKEW_S: Final = 60
_TYPES: Final = ("", "jwt", "client-authentication+jwt")
_NOBODY: Final = hashlib.sha256(b"no client has this secret").hexdigest()


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about its client, unproven."""

    client_id: str
    """Empty: nothing was said."""
    method: Literal["none", "secret", "assertion"]
    secret: str = ""
    assertion: str = ""
    is_basic: bool = False
    certificate_subject: str = ""
    certificate_thumbprint: str = ""

    def __repr__(self) -> str:
        return f"ClientCredentials(client_id={self.client_id!r}, method={self.method!r})"


class AuthenticatedClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client that is who it says."""

    record: OAuthClient
    certificate_thumbprint: str = ""
    """Of the certificate by which it proved it: its tokens are bound to that (RFC 8705 §3)."""

    @property
    def is_public(self) -> bool:
        """It has no credentials: whoever knows its id can be it."""
        return self.record.authentication == "none"


def read_credentials(
    form: RequestForm,
    authorization: Sequence[str],
    *,
    certificate_subject: str = "",
    certificate_thumbprint: str = "",
) -> ClientCredentials:
    """What a request says. `authorization`: the values of its Authorization header fields.

    Raises OAuthError `invalid_request` for two mechanisms at once, `invalid_client` for what cannot be read.
    """
    if len(authorization) > 1:
        raise OAuthError("invalid_request", "there is more than one Authorization header field")
    in_header = bool(authorization)
    in_body = bool(form.get("client_secret"))
    asserted = bool(form.get("client_assertion") or form.get("client_assertion_type"))
    if in_header + in_body + asserted > 1:
        raise OAuthError("invalid_request", "the client authenticates in more than one way")
    named = form.get("client_id")
    if in_header:
        client_id, secret = _basic(authorization[0])
        if named and named != client_id:
            raise OAuthError("invalid_request", "client_id is not the one of the Authorization header field")
        return ClientCredentials(client_id=client_id, method="secret", secret=secret, is_basic=True)
    if in_body:
        return ClientCredentials(client_id=named, method="secret", secret=form.get("client_secret"))
    if asserted:
        return _assertion(form, named)
    return ClientCredentials(
        client_id=named,
        method="none",
        certificate_subject=certificate_subject,
        certificate_thumbprint=certificate_thumbprint,
    )


def authenticate_client(
    records: Records, credentials: ClientCredentials, audiences: Sequence[str], now: int
) -> AuthenticatedClient:
    """The client, if its credentials are good. Marks the `jti` of an assertion as used.

    `audiences`: our issuer and the URL of the endpoint. Raises OAuthError `invalid_client`.
    """
    client = records.get(OAuthClient, credentials.client_id) if credentials.client_id else None
    thumbprint = ""
    if credentials.method == "secret":
        is_good = _has_secret(client, credentials.secret, now)
    elif credentials.method == "assertion":
        is_good = client is not None and _has_signed(records, client, credentials.assertion, audiences, now)
    elif client is not None and client.authentication == "tls_client_auth":
        is_good = _has_certificate(client, credentials)
        thumbprint = credentials.certificate_thumbprint
    else:
        is_good = client is not None and client.authentication == "none"
    if client is None or not is_good or not client.is_enabled:
        raise refused("the client is unknown, or its credentials are wrong", is_basic=credentials.is_basic)
    return AuthenticatedClient(record=client, certificate_thumbprint=thumbprint)


def secret_digest(secret: str) -> str:
    """What is kept of a client secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def refused(why: str, *, is_basic: bool = False) -> OAuthError:
    """401 `invalid_client` (RFC 6749 §5.2)."""
    headers = ((b"www-authenticate", b'Basic realm="oauth", charset="UTF-8"'),) if is_basic else ()
    return OAuthError("invalid_client", why, status=401, headers=headers)


def _basic(value: str) -> tuple[str, str]:
    """Name and secret, each form-encoded before they are joined (RFC 6749 §2.3.1)."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        raise refused("the Authorization header field is not of the scheme Basic", is_basic=True)
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise refused("the Authorization header field cannot be read", is_basic=True) from error
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id:
        raise refused("the Authorization header field has no client_id and secret", is_basic=True)
    return unquote_plus(client_id), unquote_plus(secret)


def _assertion(form: RequestForm, named: str) -> ClientCredentials:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
    assertion = form.need("client_assertion")
    try:
        subject = peek(assertion).text("sub")
    except BadToken as error:
        raise refused(str(error)) from error
    if named and named != subject:
        raise refused("client_id is not the sub of the assertion")
    return ClientCredentials(client_id=subject, method="assertion", assertion=assertion)


def _has_secret(client: OAuthClient | None, secret: str, now: int) -> bool:
    """Compares as many digests, in constant time, whether there is such a client and secret or not."""
    digest = secret_digest(secret)
    good = client.secret_digests if client is not None else ()
    if client is not None and client.secret_until is not None and client.secret_until <= now:
        good = good[:1]
    matches = [hmac.compare_digest(digest, candidate) for candidate in (*good, _NOBODY, _NOBODY)[:2]]
    return (
        client is not None
        and client.authentication in ("client_secret_basic", "client_secret_post")
        and bool(secret)
        and any(matches[: len(good)])
    )


def _has_signed(records: Records, client: OAuthClient, assertion: str, audiences: Sequence[str], now: int) -> bool:
    if client.authentication != "private_key_jwt":
        return False
    try:
        token = read_signed(assertion, public_keys(client.jwks))
        ends = _check_claims(token, client.id, audiences, now)
    except BadToken as error:
        raise refused(str(error)) from error
    if not use_once(records, "client-assertion", client.id, token.text("jti"), until=ends + SKEW_S):
        raise refused("the assertion has been used before")
    return True


def _check_claims(token: SignedToken, client_id: str, audiences: Sequence[str], now: int) -> int:
    """When the assertion ends. The audience is one: an assertion for several could be passed on by any of them."""
    if token.type not in _TYPES:
        raise BadToken("typ is not client-authentication+jwt or JWT")
    if token.text("iss") != client_id or token.text("sub") != client_id:
        raise BadToken("iss and sub must both be the client_id")
    if len(token.audiences) != 1 or token.audiences[0] not in audiences:
        raise BadToken("aud must be this issuer, and nothing else")
    if not token.text("jti"):
        raise BadToken("jti is missing")
    ends, issued, starts = token.second("exp"), token.second("iat"), token.second("nbf")
    if ends is None or not now - SKEW_S < ends <= now + MAX_ASSERTION_S + SKEW_S:
        raise BadToken(f"exp is missing, over, or more than {MAX_ASSERTION_S} seconds ahead")
    if issued is not None and not now - MAX_ASSERTION_S - SKEW_S <= issued <= now + SKEW_S:
        raise BadToken("iat is too long ago, or in the future")
    if starts is not None and starts > now + SKEW_S:
        raise BadToken("nbf is in the future")
    return ends


def _has_certificate(client: OAuthClient, credentials: ClientCredentials) -> bool:
    """The subject as it is registered, character by character."""
    given, expected = credentials.certificate_subject.encode(), client.certificate_subject.encode()
    return bool(expected) and hmac.compare_digest(given, expected)
