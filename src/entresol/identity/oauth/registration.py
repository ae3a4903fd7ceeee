"""Clients that register themselves (RFC 7591) and keep their registration up to date (RFC 7592).

Off unless an administrator allows it: by initial access tokens, or for everybody, with a limit per address. What is
registered so is marked, may have no scope of administrators, and is removed when it is never used.
"""

import hashlib
from typing import Final

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.client_metadata import (
    SECRET_METHODS,
    client_from,
    metadata_of,
    read_client_metadata,
)
from entresol.identity.oauth.clients import new_client_id, new_secret, remove_client
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest, is_handle, new_handle
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import InitialAccessToken, OAuthClient
from entresol.identity.records.sessions import UsedOnce

MAX_DOCUMENT: Final = 65_536
TOKEN_PREFIX: Final = "erg_"  # noqa: S105 - what registration access tokens begin with
_WINDOW_S: Final = 3600
_PAGE: Final = 200


def register(
    records: Records, settings: OAuthSettings, document: bytes, *, token: str, address: str, now: int
) -> dict[str, object]:
    """Register a client. Returns the answer's members (RFC 7591 §3.2.1), with the secrets, which are shown once.

    `token`: the initial access token, empty without one. `address`: where the request comes from. Raises OAuthError.
    """
    organisation = _admit(records, settings, token, address, now)
    metadata = read_client_metadata(document)
    draft = client_from(metadata, client_id=new_client_id(), extra_schemes=settings.extra_redirect_schemes)
    secret = new_secret() if draft.authentication in SECRET_METHODS else ""
    management = new_handle(TOKEN_PREFIX)
    client = records.insert(
        msgspec.structs.replace(
            draft,
            source="registered",
            organisation=organisation,
            secret_digests=(handle_digest(secret),) if secret else (),
            registration_digest=handle_digest(management),
        )
    )
    return {
        **_answer(settings, client, management),
        "client_id_issued_at": client.created_at,
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
    }


def read_registration(records: Records, settings: OAuthSettings, client_id: str, token: str) -> dict[str, object]:
    """A client's registration as it is (RFC 7592 §2.1). Raises OAuthError `invalid_token`."""
    return _answer(settings, _owned(records, client_id, token), token)


def update_registration(
    records: Records, settings: OAuthSettings, client_id: str, token: str, document: bytes
) -> dict[str, object]:
    """Put new metadata in the place of all the old (RFC 7592 §2.2). Raises OAuthError.

    A client that begins to authenticate with a secret gets one; one that stops loses it.
    """
    client = _owned(records, client_id, token)
    _check_update(client, document)
    draft = client_from(
        read_client_metadata(document), client_id=client.id, extra_schemes=settings.extra_redirect_schemes
    )
    needs_secret = draft.authentication in SECRET_METHODS
    secret = new_secret() if needs_secret and not client.secret_digests else ""
    digests = (handle_digest(secret),) if secret else client.secret_digests if needs_secret else ()
    changed = records.replace(
        msgspec.structs.replace(
            draft,
            source=client.source,
            organisation=client.organisation,
            revision=client.revision,
            created_at=client.created_at,
            is_enabled=client.is_enabled,
            secret_digests=digests,
            secret_until=client.secret_until,
            registration_digest=client.registration_digest,
            last_used_at=client.last_used_at,
        )
    )
    answer = _answer(settings, changed, token)
    return {**answer, "client_secret": secret, "client_secret_expires_at": 0} if secret else answer


def delete_registration(records: Records, client_id: str, token: str, now: int) -> None:
    """Remove the client with all that it was given (RFC 7592 §2.3). Raises OAuthError `invalid_token`."""
    remove_client(records, _owned(records, client_id, token).id, now=now)


def sweep_unused(records: Records, settings: OAuthSettings, now: int) -> int:
    """Remove clients that registered themselves and were not used in time. Returns how many."""
    removed, after = 0, ""
    while page := records.page(OAuthClient, after, _PAGE, source="registered"):
        after = page[-1].id
        for client in page:
            if client.last_used_at is None and client.created_at + settings.unused_client_lifetime_s <= now:
                removed += remove_client(records, client.id, now=now)
    return removed


def _admit(records: Records, settings: OAuthSettings, token: str, address: str, now: int) -> str:
    """Whether somebody may register a client now. Returns the organisation that it is for; empty: the whole node."""
    if settings.registration == "off":
        raise OAuthError("access_denied", "clients cannot register themselves here: ask an administrator", status=403)
    if records.count(OAuthClient, source="registered") >= settings.max_registered_clients:
        raise OAuthError("temporarily_unavailable", "too many clients are registered", status=503)
    if settings.registration == "token" or token:
        return _use_token(records, token, now)
    _count(records, settings, address, now)
    return ""


def _use_token(records: Records, token: str, now: int) -> str:
    kept = records.get(InitialAccessToken, handle_digest(token)) if token else None
    if kept is None or kept.expires_at <= now or kept.uses_left < 1:
        raise _unauthorized("registering a client needs an initial access token that is good")
    records.replace(msgspec.structs.replace(kept, uses_left=kept.uses_left - 1))
    return kept.organisation


def _count(records: Records, settings: OAuthSettings, address: str, now: int) -> None:
    """One of the few places that an address has in an hour. All nodes count together, for the places are records."""
    window = now - now % _WINDOW_S
    for place in range(settings.registrations_per_hour):
        record_id = hashlib.sha256(f"registration\n{address}\n{window}\n{place}".encode()).hexdigest()
        if records.get(UsedOnce, record_id) is None:
            records.insert(UsedOnce(id=record_id, expires_at=window + _WINDOW_S))
            return
    wait = window + _WINDOW_S - now
    raise OAuthError(
        "slow_down",
        f"too many clients were registered from this address: try again in {wait} s",
        status=429,
        headers=((b"retry-after", str(wait).encode()),),
    )


def _owned(records: Records, client_id: str, token: str) -> OAuthClient:
    client = records.get(OAuthClient, client_id)
    if client is None or client.source != "registered" or not is_handle(token, client.registration_digest):
        raise _unauthorized("this is not the registration access token of this client")
    if not client.is_enabled:
        raise OAuthError("access_denied", "an administrator has disabled this client", status=403)
    return client


def _check_update(client: OAuthClient, document: bytes) -> None:
    """RFC 7592 §2.2: it must name itself, and may not choose its secret or its token."""
    try:
        members = msgspec.json.decode(document, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise OAuthError("invalid_client_metadata", f"the metadata of the client cannot be read: {error}") from error
    if members.get("client_id") != client.id:
        raise OAuthError("invalid_client_metadata", "client_id has to be the client's own")
    ours = {"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}
    if ours & members.keys():
        raise OAuthError("invalid_client_metadata", f"these are not the client's to say: {' '.join(sorted(ours))}")
    secret = members.get("client_secret")
    if secret is not None and not (
        isinstance(secret, str) and sum(is_handle(secret, digest) for digest in client.secret_digests) > 0
    ):
        raise OAuthError("invalid_client_metadata", "client_secret is not the client's, and it cannot choose another")


def _answer(settings: OAuthSettings, client: OAuthClient, token: str) -> dict[str, object]:
    return {
        **metadata_of(client),
        "registration_client_uri": f"{settings.issuer}/register/{client.id}",
        "registration_access_token": token,
    }


def _unauthorized(why: str) -> OAuthError:
    challenge = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    return OAuthError("invalid_token", why, status=401, headers=challenge)
