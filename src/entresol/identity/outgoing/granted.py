"""What comes of asking for an upstream's token, and who it is asked for."""

import msgspec

from entresol.core.errors import UpstreamError
from entresol.core.printable import printable
from entresol.identity.principal import Principal


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """For whom an upstream is called."""

    principal: Principal
    subject_token: str = ""
    """The token that the principal came with, when it was an issuer's. It is shown to authorization servers that
    exchange tokens, and to nobody else."""
    subject_expires_at: int | None = None
    actor_token: str = ""
    """Ours, for delegation: says which agent or gateway acts."""

    def __repr__(self) -> str:
        return f"Caller({self.principal.key})"


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A token for an upstream."""

    access_token: str
    expires_at: int | None = None
    """None: the authorization server did not say."""
    refresh_token: str = ""
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Granted(***, expires_at={self.expires_at}, scopes={self.scopes})"


class MustConnect(msgspec.Struct, frozen=True, kw_only=True):
    """The user has to connect an account of theirs first."""

    upstream: str
    reason: str
    """`never` or `broken`: the upstream refuses to renew what it once gave."""


class TokenRefused(UpstreamError):
    """502 `upstream_token_refused`: an authorization server gave no token. `error` is its OAuth error code."""

    def __init__(self, where: str, error: str, description: str = "") -> None:
        words = f"{where} gave no token: {printable(error)[:60]}"
        if description:
            words += f" ({printable(description)[:200]})"
        super().__init__("upstream_token_refused", words)
        self.error = error
