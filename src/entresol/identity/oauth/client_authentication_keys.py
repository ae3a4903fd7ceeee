"""Keys of clients that publish them at `jwks_uri` (RFC 7591 §2), for `private_key_jwt`.

The client's record keeps the last set. It is read again when it is old, or when an assertion names a key that it does
not have, but never more often than once a minute, whatever is presented.
"""

import json
from typing import Final

import msgspec

from entresol.core.fetching import FetchFailed, FetchRequest, Steps
from entresol.core.storage import Records
from entresol.identity.oauth.client_authentication import ClientCredentials
from entresol.identity.oauth.signed_tokens import BadToken, peek, public_keys
from entresol.identity.records.oauth_clients import OAuthClient

FRESH_S: Final = 3_600
RETRY_S: Final = 60


def must_fetch_keys(client: OAuthClient | None, credentials: ClientCredentials, now: int) -> bool:
    """Whether the client's keys have to be read before its assertion can be checked."""
    if client is None or credentials.method != "assertion" or not client.jwks_uri or not client.is_enabled:
        return False
    if client.authentication != "private_key_jwt":
        return False
    age = FRESH_S if client.keys_fetched_at is None else now - client.keys_fetched_at
    if age >= FRESH_S:
        return True
    return age >= RETRY_S and not _has_key(client, credentials.assertion)


def fetch_keys(client: OAuthClient) -> Steps[str | None]:
    """The set in JSON; None if it cannot be had now, and the last one goes on."""
    try:
        answer = yield FetchRequest(url=client.jwks_uri, headers=(("accept", "application/json"),))
        if answer.status != 200:
            return None
        text = answer.body.decode()
        return text if public_keys(text) else None
    except (FetchFailed, BadToken, UnicodeDecodeError):
        return None


def keep_keys(records: Records, client_id: str, jwks: str | None, now: int) -> None:
    """Remember what was read, and that it was tried."""
    client = records.get(OAuthClient, client_id)
    if client is not None:
        kept = client.jwks if jwks is None else jwks
        records.replace(msgspec.structs.replace(client, jwks=kept, keys_fetched_at=now))


def _has_key(client: OAuthClient, assertion: str) -> bool:
    try:
        kid = peek(assertion).header.get("kid")
        keys = json.loads(client.jwks)["keys"] if client.jwks else []
    except (BadToken, ValueError, KeyError, TypeError):
        return False
    return kid is None or any(key.get("kid") == kid for key in keys if isinstance(key, dict))
