"""How local users prove to be who they are."""

from entresol.core.record import Record


class Password(Record, frozen=True, kw_only=True):
    """Its id is the user's."""

    kind = "passwords"

    hash: str
    """Argon2id, in PHC notation."""
    changed_at: int
    must_change: bool = False


class Totp(Record, frozen=True, kw_only=True):
    """A time-based one-time password (RFC 6238). Its id is the user's."""

    kind = "totps"
    sealed = ("secret",)

    secret: str
    """Base32."""
    is_confirmed: bool = False
    last_step: int = 0
    """The last time step that a code was taken for: no code counts twice."""
    recovery_digests: tuple[str, ...] = ()
    """SHA-256 of the recovery codes that are left."""


class Passkey(Record, frozen=True, kw_only=True):
    """A WebAuthn credential. Its id is the credential's, base64url."""

    kind = "passkeys"
    indexed = ("user",)

    user: str
    name: str
    public_key: str
    """COSE, base64url."""
    sign_count: int = 0
    transports: tuple[str, ...] = ()
    last_used_at: int | None = None


class Invitation(Record, frozen=True, kw_only=True):
    """A link by which somebody sets a first password, or an administrator sets up the node. Its id is the SHA-256 of
    the token in it."""

    kind = "invitations"
    ends_at = "expires_at"
    indexed = ("user",)

    purpose: str
    """`setup`, `invite` or `reset`."""
    user: str = ""
    roles: tuple[str, ...] = ()
    expires_at: int
