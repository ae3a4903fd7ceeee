"""Clients that are the URL of their own metadata document (CIMD).

The URL is the client_id. Its host is who vouches for the client, so all that the document says is held against that
host. Source: draft-ietf-oauth-client-id-metadata-document, and the MCP specification's rules for it.
"""

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from entresol.core.fetching import FetchRequest, FetchResponse, Steps
from entresol.core.storage import Records
from entresol.identity.oauth.client_metadata import SECRET_METHODS, client_from, read_client_metadata
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.redirects import check_redirect_uri, destination
from entresol.identity.oauth.settings import OAuthSettings, Trust
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import Consent, RefreshToken

MAX_URL: Final = 400
MAX_DOCUMENT: Final = 10_240
SHORTEST_S: Final = 300
LONGEST_S: Final = 86_400
USUAL_S: Final = 3600
STALE_S: Final = 86_400
"""So long a document that cannot be reached is still taken as it was last read."""
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\"?(?:$|[\s,])")
_JSON: Final = re.compile(r"application/(?:[a-z0-9.-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)
_IP: Final = re.compile(r"\[.*|[0-9.]+")


def is_document_url(client_id: str) -> bool:
    """Whether a client_id is the URL of a metadata document: plain https to a named host, with a path, without query,
    fragment or dot segments."""
    if not client_id.startswith("https://") or len(client_id) > MAX_URL or "?" in client_id:
        return False
    try:
        check_redirect_uri(client_id)
    except OAuthError:
        return False
    parts = urlsplit(client_id)
    host = parts.hostname or ""
    return parts.path not in ("", "/") and "." in host and not _IP.fullmatch(host) and ":" not in host


def trust_of(settings: OAuthSettings, client_id: str) -> Trust:
    """How the domain of a metadata client is trusted. `deny` where there are no such clients."""
    if not settings.metadata_clients:
        return "deny"
    host = urlsplit(client_id).hostname or ""
    if host in settings.metadata_client_domains:
        return settings.metadata_client_domains[host]
    while "." in host:
        host = host.partition(".")[2]
        if f"*.{host}" in settings.metadata_client_domains:
            return settings.metadata_client_domains[f"*.{host}"]
    return settings.metadata_client_trust


def check_trusted(settings: OAuthSettings, client: OAuthClient) -> None:
    """Raises OAuthError `invalid_client` for a metadata client of a domain that is denied, now."""
    if client.source == "metadata" and trust_of(settings, client.id) == "deny":
        raise OAuthError("invalid_client", "clients of this domain are not let in here", status=401)


def fetch_client(client_id: str, settings: OAuthSettings, now: int) -> Steps[OAuthClient]:
    """Read the document. Returns the client with `fetched_at` and `fresh_until`.

    Raises OAuthError `invalid_client` or what is wrong with the metadata. FetchFailed passes through.
    """
    answer = yield FetchRequest(
        url=client_id, headers=(("Accept", "application/json"),), max_bytes=MAX_DOCUMENT, timeout_s=5.0
    )
    if answer.status != 200:
        raise _bad(f"its metadata document answers with status {answer.status}")
    if not _JSON.fullmatch(answer.headers.get("content-type", "").strip()):
        raise _bad("its metadata document is not of type application/json")
    client = read_document(client_id, answer.body, settings)
    return msgspec.structs.replace(client, fetched_at=now, fresh_until=now + _lifetime(answer))


def read_document(client_id: str, body: bytes, settings: OAuthSettings) -> OAuthClient:
    """The client that a document describes. Raises OAuthError."""
    try:
        members = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _bad("its metadata document is no JSON object") from error
    if members.get("client_id") != client_id:
        raise _bad("client_id in its metadata document is not the document's own URL")
    if "client_secret" in members or "client_secret_expires_at" in members:
        raise _bad("its metadata document, which all can read, has a secret")
    if members.get("token_endpoint_auth_method", "none") in SECRET_METHODS:
        raise _bad("its metadata document wants a shared secret; it may be none or private_key_jwt")
    metadata = read_client_metadata(msgspec.json.encode({"token_endpoint_auth_method": "none", **members}))
    client = client_from(metadata, client_id=client_id, extra_schemes=settings.extra_redirect_schemes)
    for uri in client.redirect_uris:
        if not _is_own(client_id, uri):
            raise _bad(f"its redirect URI leads to another site than its metadata document: {destination(uri).host}")
    if client.jwks_uri and not _same_origin(client_id, client.jwks_uri):
        raise _bad("its jwks_uri leads to another site than its metadata document")
    return msgspec.structs.replace(
        client,
        source="metadata",
        client_uri=client.client_uri if _same_origin(client_id, client.client_uri) else "",
        logo_uri=client.logo_uri if _same_origin(client_id, client.logo_uri) else "",
    )


def keep_client(records: Records, settings: OAuthSettings, read: OAuthClient) -> OAuthClient:
    """Put what was read in the place of what was known, but for what an administrator has said of the client."""
    old = records.get(OAuthClient, read.id)
    if old is None:
        _make_room(records, settings)
        return records.insert(read)
    if old.source != "metadata":
        raise OAuthError("invalid_client", "an administrator has registered a client with this client_id", status=400)
    keeps_keys = bool(read.jwks_uri) and read.jwks_uri == old.jwks_uri
    return records.replace(
        msgspec.structs.replace(
            read,
            revision=old.revision,
            created_at=old.created_at,
            organisation=old.organisation,
            is_enabled=old.is_enabled,
            last_used_at=old.last_used_at,
            jwks=old.jwks if keeps_keys else read.jwks,
            keys_fetched_at=old.keys_fetched_at if keeps_keys else None,
        )
    )


def is_fresh(client: OAuthClient, now: int) -> bool:
    """Whether the document need not be read again."""
    return client.fresh_until is not None and now < client.fresh_until


def may_be_stale(client: OAuthClient, now: int) -> bool:
    """Whether the client counts as last read while its document cannot be reached."""
    return client.fetched_at is not None and now < client.fetched_at + STALE_S


def _make_room(records: Records, settings: OAuthSettings) -> None:
    """Forget clients that nobody has allowed anything, the longest unread first."""
    if records.count(OAuthClient, source="metadata") < settings.max_metadata_clients:
        return
    known = sorted(records.find(OAuthClient, source="metadata"), key=lambda client: client.fetched_at or 0)
    for client in known:
        is_used = records.count(Consent, client=client.id) or records.count(RefreshToken, client=client.id)
        if client.is_enabled and not is_used:
            records.delete(OAuthClient, client.id)
            return
    raise OAuthError("temporarily_unavailable", "too many clients are known", status=503)


def _lifetime(answer: FetchResponse) -> int:
    control = answer.headers.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return SHORTEST_S
    age = _MAX_AGE.search(control)
    return min(max(int(age[1]), SHORTEST_S), LONGEST_S) if age else USUAL_S


def _is_own(client_id: str, redirect_uri: str) -> bool:
    """On the document's own origin, on the user's device, or in a scheme that is the document's domain reversed."""
    to = destination(redirect_uri)
    if to.kind == "loopback":
        return True
    if to.kind == "https":
        return _same_origin(client_id, redirect_uri)
    host = urlsplit(client_id).hostname or ""
    labels = host.split(".")
    own = [".".join(reversed(labels[start:])) for start in range(len(labels) - 1)]
    return any(to.host == name or to.host.startswith(f"{name}.") for name in own)


def _same_origin(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, first.port or 443) == (second.scheme, second.hostname, second.port or 443)


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"the client cannot be let in: {why}", status=400)
