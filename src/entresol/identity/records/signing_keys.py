"""The keys that we sign and encrypt with."""

from typing import Literal

from entresol.core.record import Record


class SigningKey(Record, frozen=True, kw_only=True):
    """A key pair of the authorization server. Its id is the `kid`."""

    kind = "signing_keys"
    sealed = ("private_jwk",)

    algorithm: str = "ES256"
    public_jwk: str
    private_jwk: str
    state: Literal["next", "active", "retired"] = "next"
    """`next` is published and not used yet, so that nobody meets an unknown `kid`; `retired` still verifies."""
    active_from: int = 0
    published_until: int | None = None
    """A retired key is taken out of the JWK Set when the last token it has signed is over."""


class NodeSecret(Record, frozen=True, kw_only=True):
    """A random secret that all workers share, such as the pepper of virtual keys. Its id is its name."""

    kind = "node_secrets"
    sealed = ("value",)

    value: str
    """Hexadecimal."""


class DataKey(Record, frozen=True, kw_only=True):
    """A key that secrets are encrypted with at rest, itself encrypted by the master key. Its id stands in what it
    encrypts."""

    kind = "data_keys"

    wrapped: str
    """As the master key gave it back; only that can open it."""
    master_key: str
    """Id of the master key."""
    is_current: bool = True
    """New secrets are encrypted with it. The others only open what is there."""
