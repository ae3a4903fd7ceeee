"""Sessions of browsers, and what the authorization server remembers between two requests.

Ids that a browser or client holds are kept as SHA-256 only.
"""

from typing import Literal

from entresol.core.record import Record


class Session(Record, frozen=True, kw_only=True):
    """A browser in which somebody has signed in. Its id is the SHA-256 of the cookie's value."""

    kind = "sessions"
    ends_at = "expires_at"
    indexed = ("user",)

    user: str
    username: str = ""
    """For pages to show."""
    issuer: str = ""
    """Who vouched for the user: empty for a local sign-in."""
    auth_time: int
    acr: str = ""
    methods: tuple[str, ...] = ()
    """`pwd`, `otp`, `hwk`, `fed` (RFC 8176)."""
    expires_at: int
    idle_until: int
    csrf_key: str = ""
    user_agent: str = ""
    address: str = ""
    impersonator: str = ""
    groups: tuple[str, ...] = ()
    """What the issuer said at sign-in."""


class SignInAttempt(Record, frozen=True, kw_only=True):
    """A sign-in under way at a provider. Its id is the SHA-256 of `state`."""

    kind = "sign_in_attempts"
    ends_at = "expires_at"

    issuer: str
    """Id of the Issuer record; empty: this gateway's own sign-in."""
    browser: str
    """SHA-256 of the cookie of the browser that began it: no other one may end it."""
    nonce: str = ""
    code_verifier: str = ""
    return_to: str = ""
    """Where to go then: a path of ours."""
    link_user: str = ""
    """The signed-in user who wants to link this identity."""
    request_id: str = ""
    """Id of the SAML request."""
    proven_user: str = ""
    """Who has given the right password here, and still has to give a code."""
    expires_at: int


class AuthorizationRequest(Record, frozen=True, kw_only=True):
    """A valid authorization request that waits for sign-in and consent, or was pushed (RFC 9126). Its id is the
    SHA-256 of the handle in the page's address or the `request_uri`."""

    kind = "authorization_requests"
    ends_at = "expires_at"
    indexed = ("client",)

    client: str
    redirect_uri: str
    is_redirect_given: bool = True
    scopes: tuple[str, ...]
    state: str | None = None
    code_challenge: str
    resources: tuple[str, ...] = ()
    nonce: str | None = None
    prompt: str = ""
    max_age: int | None = None
    login_hint: str = ""
    hinted_user: str = ""
    """Whom an `id_token_hint` names: nobody else may sign in."""
    dpop_thumbprint: str = ""
    is_pushed: bool = False
    expires_at: int


class AuthorizationCode(Record, frozen=True, kw_only=True):
    """A code. Its id is the SHA-256 of the code. It stays after its use, to notice a second one."""

    kind = "authorization_codes"
    ends_at = "expires_at"
    indexed = ("user", "client")

    client: str
    user: str
    redirect_uri: str
    is_redirect_given: bool = True
    scopes: tuple[str, ...]
    code_challenge: str
    resources: tuple[str, ...] = ()
    nonce: str | None = None
    auth_time: int
    acr: str = ""
    groups: tuple[str, ...] = ()
    issuer: str = ""
    session: str = ""
    dpop_thumbprint: str = ""
    impersonator: str = ""
    family: str = ""
    """The family of tokens that it was exchanged for; empty while it has not been used."""
    expires_at: int


class RefreshToken(Record, frozen=True, kw_only=True):
    """A refresh token. Its id is the SHA-256 of the token. Used ones stay, so that a replay is noticed."""

    kind = "refresh_tokens"
    ends_at = "expires_at"
    indexed = ("family", "user", "client")

    family: str
    """All tokens that go back to one sign-in; a replay revokes them all."""
    client: str
    user: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    auth_time: int
    acr: str = ""
    groups: tuple[str, ...] = ()
    issuer: str = ""
    session: str = ""
    nonce: str | None = None
    dpop_thumbprint: str = ""
    certificate_thumbprint: str = ""
    impersonator: str = ""
    used_at: int | None = None
    successor: str = ""
    """Id of the token that came after it."""
    successor_salt: str = ""
    """What the successor is made of besides this token itself, so that a lost answer can be given again."""
    expires_at: int
    family_ends_at: int
    """However often it is refreshed."""


class RevokedToken(Record, frozen=True, kw_only=True):
    """An access token, or all of a family, a session or an account, that counts no more. Its id says which: `jti:…`,
    `family:…`, `session:…`, `account:…`, `client:…`."""

    kind = "revoked_tokens"
    ends_at = "expires_at"

    revoked_at: int
    """Tokens issued up to this second are revoked."""
    expires_at: int
    """When the last of them would have ended anyway."""


class DeviceGrant(Record, frozen=True, kw_only=True):
    """A device that waits (RFC 8628). Its id is the SHA-256 of the device code."""

    kind = "device_grants"
    ends_at = "expires_at"
    unique = (("user_code",),)

    client: str
    user_code: str
    """Normal form: eight letters, without the hyphen."""
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    state: Literal["waiting", "approved", "denied", "used"] = "waiting"
    user: str = ""
    auth_time: int = 0
    acr: str = ""
    groups: tuple[str, ...] = ()
    issuer: str = ""
    impersonator: str = ""
    interval_s: int = 5
    last_poll_at: int | None = None
    address: str = ""
    dpop_thumbprint: str = ""
    expires_at: int


class Consent(Record, frozen=True, kw_only=True):
    """What a user has allowed a client to do. Its id is made of user, client and redirect URI: it exists once."""

    kind = "consents"
    indexed = ("user", "client")

    user: str
    client: str
    redirect_uri: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()


class UsedOnce(Record, frozen=True, kw_only=True):
    """Something that counts once: the `jti` of an assertion or a DPoP proof. Its id is the SHA-256 of who and what."""

    kind = "used_once"
    ends_at = "expires_at"

    expires_at: int
