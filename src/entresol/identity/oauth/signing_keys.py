"""The authorization server's own key pairs: announced, used, retired, each overlapping the next.

A key is published a while before it signs, so that whoever keeps a copy of the JWK Set has it in time, and stays
published until the last token that it has signed is over. Only ES256 (RFC 7518 §3.4).
"""

from typing import Final

import msgspec
from joserfc.jwk import ECKey, Key

from entresol.core.storage import Records
from entresol.identity.oauth.signed_tokens import public_key
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.records.signing_keys import SigningKey

ALGORITHM: Final = "ES256"
MARGIN_S: Final = 300
"""A retired key stays published this much longer than its tokens live, for clocks that are slow."""


def new_signing_key(state_from: int) -> SigningKey:
    """A fresh pair that is to sign from this second on."""
    pair = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
    return SigningKey(
        id=pair.thumbprint(),
        algorithm=ALGORITHM,
        public_jwk=msgspec.json.encode(pair.as_dict(private=False)).decode(),
        private_jwk=msgspec.json.encode(pair.as_dict(private=True)).decode(),
        active_from=state_from,
    )


def rotate_when_due(records: Records, settings: TokenSettings, now: int) -> SigningKey:
    """Do what is due by now, and return the key that signs. Called at the start and about once an hour.

    Makes the first key, announces the next one before the active one has served its time, changes over, and takes out
    retired keys whose tokens are over.
    """
    keys = records.find(SigningKey)
    for key in keys:
        if key.state == "retired" and key.published_until is not None and key.published_until <= now:
            records.delete(SigningKey, key.id)
    active = next((key for key in keys if key.state == "active"), None)
    announced = next((key for key in keys if key.state == "next"), None)
    if active is None:
        return _activate(records, announced or records.insert(new_signing_key(now)), now)
    if announced is None:
        ends = active.active_from + settings.key_lifetime_s
        if now >= ends - settings.key_announcement_s:
            records.insert(new_signing_key(max(ends, now + settings.key_announcement_s)))
        return active
    if now < announced.active_from:
        return active
    _retire(records, active, settings, now)
    return _activate(records, announced, now)


def replace_at_once(records: Records, settings: TokenSettings, now: int, *, distrust: bool = False) -> SigningKey:
    """Change to a new key now. With `distrust` (a key has leaked) all other keys vanish and their tokens with them."""
    for key in records.find(SigningKey):
        if distrust or key.state == "next":
            records.delete(SigningKey, key.id)
        elif key.state == "active":
            _retire(records, key, settings, now)
    return _activate(records, records.insert(new_signing_key(now)), now)


def active_key(records: Records, settings: TokenSettings, now: int) -> SigningKey:
    """The key that signs now; made if there is none, changed if it is time."""
    for key in records.find(SigningKey):
        is_fresh = now < key.active_from + settings.key_lifetime_s - settings.key_announcement_s
        if key.state == "active" and is_fresh:
            return key
    return rotate_when_due(records, settings, now)


def jwk_set(records: Records) -> dict[str, list[dict[str, str]]]:
    """The JWK Set that is published (RFC 7517 §5): keys to come, in use and retired."""
    return {"keys": [msgspec.json.decode(key.public_jwk, type=dict[str, str]) for key in records.find(SigningKey)]}


def verification_keys(records: Records, kid: str) -> tuple[Key, ...]:
    """The published key with this id."""
    key = records.get(SigningKey, kid)
    return () if key is None else (public_key(msgspec.json.decode(key.public_jwk, type=dict[str, str])),)


def _activate(records: Records, key: SigningKey, now: int) -> SigningKey:
    return records.replace(msgspec.structs.replace(key, state="active", active_from=now))


def _retire(records: Records, key: SigningKey, settings: TokenSettings, now: int) -> None:
    ends = now + settings.access_lifetime_s + MARGIN_S
    records.replace(msgspec.structs.replace(key, state="retired", published_until=ends))
