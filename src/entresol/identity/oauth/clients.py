"""Clients that administrators keep: made, changed, disabled, removed; secrets rotated with an overlap."""

from collections.abc import Iterable
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.oauth.client_metadata import SECRET_METHODS
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.families import revoke
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.oauth.redirects import check_redirect_uri
from entresol.identity.oauth.scopes import SCOPES
from entresol.identity.records.oauth_clients import InitialAccessToken, OAuthClient
from entresol.identity.records.sessions import (
    AuthorizationCode,
    AuthorizationRequest,
    Consent,
    RefreshToken,
)

CLIENT_PREFIX: Final = "client_"
SECRET_PREFIX: Final = "ecs_"  # noqa: S105 - what secrets of clients begin with, for scanners of leaked ones
REGISTRATION_PREFIX: Final = "eir_"
GRANTS: Final = frozenset(
    (
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    )
)


def new_client_id() -> str:
    """A client_id that says nothing."""
    return new_handle(CLIENT_PREFIX)[: len(CLIENT_PREFIX) + 22]


def new_secret() -> str:
    """A client's secret, 256 random bits."""
    return new_handle(SECRET_PREFIX)


def create_client(
    records: Records, draft: OAuthClient, *, extra_schemes: Iterable[str] = ()
) -> tuple[OAuthClient, str]:
    """Make a client as an administrator says it is. Returns it, and its secret where it has one: shown once.

    Raises ClientError `client_invalid`, AlreadyExists.
    """
    check_client(draft, extra_schemes=extra_schemes)
    secret = new_secret() if draft.authentication in SECRET_METHODS else ""
    client = msgspec.structs.replace(
        draft,
        id=draft.id or new_client_id(),
        source="admin",
        secret_digests=(handle_digest(secret),) if secret else (),
        secret_until=None,
        registration_digest="",
    )
    return records.insert(client), secret


def check_client(client: OAuthClient, *, extra_schemes: Iterable[str] = ()) -> None:
    """Whether an administrator's client makes sense. Raises ClientError `client_invalid`."""
    schemes = tuple(extra_schemes)
    unknown = [name for name in client.grant_types if name not in GRANTS]
    if not client.grant_types or unknown:
        raise _invalid(f"grant_types has unknown ones, or none: {' '.join(unknown)}")
    if "authorization_code" in client.grant_types and not client.redirect_uris:
        raise _invalid("the authorization code grant needs redirect_uris")
    for uri in client.redirect_uris:
        try:
            check_redirect_uri(uri, extra_schemes=schemes)
        except OAuthError as error:
            raise _invalid(f"{uri}: {error.message}") from error
    if client.authentication == "none" and set(client.grant_types) - {
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    }:
        raise _invalid("a client that acts without a user has to authenticate")
    if "client_credentials" in client.grant_types and client.service_account is None:
        raise _invalid("client_credentials needs a service_account: whom the client is")
    if client.authentication == "private_key_jwt" and not (client.jwks or client.jwks_uri):
        raise _invalid("private_key_jwt needs jwks or jwks_uri")
    if client.authentication == "tls_client_auth" and not client.certificate_subject:
        raise _invalid("tls_client_auth needs certificate_subject")
    strange = [name for name in client.scopes if name not in SCOPES]
    if strange:
        raise _invalid(f"there are no scopes {' '.join(strange)}")


def change_client(records: Records, changed: OAuthClient, *, extra_schemes: Iterable[str] = ()) -> OAuthClient:
    """Put a changed client in the place of the one that it was made from.

    Credentials, and what the client itself has said where it came from, are not changed this way: `rotate_secret`
    gives a client its first secret, too. Raises ClientError `client_invalid`, NotFound, RevisionConflict.
    """
    old = records.need(OAuthClient, changed.id)
    check_client(changed, extra_schemes=extra_schemes)
    has_secret = changed.authentication in SECRET_METHODS
    return records.replace(
        msgspec.structs.replace(
            changed,
            source=old.source,
            organisation=old.organisation,
            secret_digests=old.secret_digests if has_secret else (),
            secret_until=old.secret_until if has_secret else None,
            registration_digest=old.registration_digest,
            fetched_at=old.fetched_at,
            fresh_until=old.fresh_until,
            keys_fetched_at=old.keys_fetched_at if changed.jwks_uri == old.jwks_uri else None,
            last_used_at=old.last_used_at,
        )
    )


def rotate_secret(records: Records, client_id: str, *, overlap_s: int, now: int) -> str:
    """Give a client a new secret, shown once. The one before stays good for `overlap_s`; older ones end at once.

    Raises NotFound, ClientError `client_invalid` for a client that has no secrets.
    """
    client = records.need(OAuthClient, client_id)
    if client.authentication not in SECRET_METHODS:
        raise _invalid("this client does not authenticate with a secret")
    secret = new_secret()
    kept = client.secret_digests[:1] if overlap_s > 0 else ()
    records.replace(
        msgspec.structs.replace(
            client, secret_digests=(handle_digest(secret), *kept), secret_until=now + overlap_s if kept else None
        )
    )
    return secret


def set_enabled(records: Records, client_id: str, is_enabled: bool, *, now: int) -> OAuthClient:
    """Let a client in, or keep it out: without it, its access tokens end at once, too. Raises NotFound."""
    client = records.replace(msgspec.structs.replace(records.need(OAuthClient, client_id), is_enabled=is_enabled))
    if not is_enabled:
        _revoke_tokens(records, client_id, now)
    return client


def remove_client(records: Records, client_id: str, *, now: int) -> bool:
    """Remove a client with all that it was given: consents, requests, codes and tokens. False if there was none."""
    records.delete_where(Consent, client=client_id)
    records.delete_where(AuthorizationCode, client=client_id)
    records.delete_where(AuthorizationRequest, client=client_id)
    _revoke_tokens(records, client_id, now)
    return records.delete(OAuthClient, client_id)


def create_initial_access_token(
    records: Records, *, name: str, uses: int, lifetime_s: int, created_by: str, organisation: str = "", now: int
) -> str:
    """A token with which `uses` clients may be registered (RFC 7591 §3), shown once."""
    token = new_handle(REGISTRATION_PREFIX)
    records.insert(
        InitialAccessToken(
            id=handle_digest(token),
            organisation=organisation,
            name=name,
            uses_left=uses,
            created_by=created_by,
            expires_at=now + lifetime_s,
        )
    )
    return token


def _revoke_tokens(records: Records, client_id: str, now: int) -> None:
    records.delete_where(RefreshToken, client=client_id)
    revoke(records, f"client:{client_id}", now)


def _invalid(why: str) -> ClientError:
    return ClientError("client_invalid", f"the client cannot be kept: {why}")
