"""Virtual keys: long random texts that stand for their owner."""

from entresol.core.record import Record


class VirtualKey(Record, frozen=True, kw_only=True):
    """A key. The key itself is shown once and never kept: only its HMAC-SHA-256 under the node's pepper."""

    kind = "virtual_keys"
    unique = (("digest",), ("previous_digest",))
    indexed = ("owner", "organisation")
    sealed = ()

    name: str
    owner: str
    """Id of a user, a service account or a team."""
    digest: str
    """64 hexadecimal digits."""
    hint: str
    """First and last characters, to tell keys apart: `esk_u_Ab…9x`."""
    previous_digest: str | None = None
    """The key before the last rotation, good until `previous_until`."""
    previous_until: int | None = None
    expires_at: int | None = None
    revoked_at: int | None = None
    scopes: tuple[str, ...] = ("llm",)
    models: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    addresses: tuple[str, ...] | None = None
    """See `principal.Bounds`."""
    created_by: str = ""
    rotated_at: int | None = None
    last_used_at: int | None = None
    """To the minute."""
    labels: dict[str, str] = {}
