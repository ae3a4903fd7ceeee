"""Consent: what a user has allowed a client, recorded per user, client and redirect URI, asked again when it must be.

Sources: RFC 6749 §10.2 and RFC 8252 §8.6 (clients whose identity is not assured are never let in silently), OpenID
Connect Core §3.1.2.4, and the MCP specification's security practices (confused deputy).
"""

import hashlib
import json
from collections.abc import Iterable, Sequence

import msgspec

from entresol.core.storage import Records
from entresol.identity.oauth.families import revoke_family
from entresol.identity.oauth.redirects import is_native_redirect, matching_redirect
from entresol.identity.oauth.scopes import covers
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import (
    AuthorizationCode,
    AuthorizationRequest,
    Consent,
    RefreshToken,
)


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What one client may do for a user, for the page that lists and revokes it."""

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    since: int
    is_used: bool
    """It holds refresh tokens."""


def consent_id(user: str, client: str, redirect_uri: str) -> str:
    """The id of the one record for the three."""
    return hashlib.sha256(json.dumps([user, client, redirect_uri]).encode()).hexdigest()


def registered_redirect(client: OAuthClient, redirect_uri: str) -> str:
    """The registered URI that stands for this one in records: without the free port of a loopback address."""
    found = matching_redirect(redirect_uri, client.redirect_uris, is_native=client.is_native)
    return redirect_uri if found is None else found


def must_ask(records: Records, client: OAuthClient, request: AuthorizationRequest, user: str) -> bool:
    """Whether the user has to be asked before this request is granted.

    Yes, unless the same user has allowed the same client at the same redirect URI all of these scopes and resources.
    Always, when anybody could pretend to be the client: one without credentials that is on the user's own device.
    """
    if "consent" in request.prompt.split(" "):
        return True
    if client.authentication == "none" and is_native_redirect(request.redirect_uri):
        return True
    consent = recorded(records, client, request.redirect_uri, user)
    if consent is None:
        return True
    if client.source != "metadata" and consent.updated_at < client.created_at:  # another client had this id
        return True
    return not (covers(consent.scopes, request.scopes) and set(request.resources) <= set(consent.resources))


def recorded(records: Records, client: OAuthClient, redirect_uri: str, user: str) -> Consent | None:
    """What the user has allowed the client at this redirect URI."""
    return records.get(Consent, consent_id(user, client.id, registered_redirect(client, redirect_uri)))


def record_consent(records: Records, client: OAuthClient, request: AuthorizationRequest, user: str) -> Consent:
    """Add what was just allowed to what the user has allowed before."""
    redirect_uri = registered_redirect(client, request.redirect_uri)
    old = recorded(records, client, request.redirect_uri, user)
    if old is None:
        return records.insert(
            Consent(
                id=consent_id(user, client.id, redirect_uri),
                organisation=client.organisation,
                user=user,
                client=client.id,
                redirect_uri=redirect_uri,
                scopes=request.scopes,
                resources=request.resources,
            )
        )
    return records.replace(
        msgspec.structs.replace(
            old,
            scopes=_joined(old.scopes, request.scopes),
            resources=_joined(old.resources, request.resources),
        )
    )


def grants_of(records: Records, user: str) -> Sequence[Grant]:
    """What a user has allowed, by the client's name."""
    by_client: dict[str, list[Consent]] = {}
    for consent in records.find(Consent, user=user):
        by_client.setdefault(consent.client, []).append(consent)
    grants = []
    for client_id, consents in by_client.items():
        client = records.get(OAuthClient, client_id)
        grants.append(
            Grant(
                client_id=client_id,
                client_name=client.name if client is not None else client_id,
                redirect_uris=tuple(consent.redirect_uri for consent in consents),
                scopes=_joined(*(consent.scopes for consent in consents)),
                resources=_joined(*(consent.resources for consent in consents)),
                since=min(consent.created_at for consent in consents),
                is_used=records.count(RefreshToken, user=user, client=client_id) > 0,
            )
        )
    return sorted(grants, key=lambda grant: (grant.client_name.casefold(), grant.client_id))


def revoke_grant(records: Records, user: str, client_id: str, now: int) -> int:
    """Take back all that a user has allowed a client: consents, codes, and all families of tokens.

    Returns how many families of tokens ended.
    """
    records.delete_where(Consent, user=user, client=client_id)
    codes = records.find(AuthorizationCode, user=user, client=client_id)
    tokens = records.find(RefreshToken, user=user, client=client_id)
    families = {code.family for code in codes if code.family} | {token.family for token in tokens}
    for family in sorted(families):
        revoke_family(records, family, now)
    for code in codes:
        if not code.family:
            records.delete(AuthorizationCode, code.id)
    return len(families)


def _joined(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))
