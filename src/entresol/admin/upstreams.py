"""How calls to upstreams are authorized."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from entresol.admin.collection import Change, Collection, operations
from entresol.admin.operation import Operation
from entresol.core.errors import ClientError
from entresol.identity.records.upstreams import UpstreamAuth

_URLS: Final = ("token_endpoint", "authorization_endpoint", "resource_token_endpoint", "issuer")
_SECRETS: Final = ("client_secret", "client_key")


def _admit(change: Change) -> UpstreamAuth:
    """A changed endpoint never gets the secret that was meant for the one before."""
    after: UpstreamAuth = change.after
    for name in _URLS:
        url = getattr(after, name)
        if url and urlsplit(url).scheme not in ("https", "http"):
            raise ClientError("bad_request", f"{name}: expected an http or https URL", status=422)
    before: UpstreamAuth | None = change.before
    if before is not None and any(getattr(before, name) != getattr(after, name) for name in _URLS):
        kept = [name for name in _SECRETS if getattr(after, name) and getattr(after, name) == getattr(before, name)]
        if kept:
            raise ClientError("secret_needed", f"endpoints are changed: give {kept[0]} again", status=422)
    return after


UPSTREAMS: Final = Collection(
    name="upstreams",
    one="upstream",
    record=UpstreamAuth,
    prefix="up",
    writable=tuple(
        each.name
        for each in msgspec.structs.fields(UpstreamAuth)
        if each.name not in ("id", "organisation", "revision", "created_at", "updated_at")
    ),
    admit=_admit,
)


def upstream_operations() -> list[Operation]:
    """All of them."""
    return operations(UPSTREAMS)
