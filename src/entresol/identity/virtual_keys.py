"""Virtual keys: made, read, rotated, revoked.

`esk_u_<43 characters>_<6 characters>`: a prefix that scanners for leaked secrets can know, whose it is (`u` user, `s`
service account, `t` team), 256 random bits in base64url, and a checksum, so that garbage is refused without a look-up.
Only HMAC-SHA-256 under the node's pepper is kept: a stolen store gives no key, and no list of keys finds one in it.
"""

import base64
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.records.accounts import ServiceAccount, Team, User
from entresol.identity.records.signing_keys import NodeSecret
from entresol.identity.records.virtual_keys import VirtualKey

Kind = Literal["u", "s", "t"]

PREFIX: Final = b"esk_"
PEPPER: Final = "virtual-key-pepper"
KEPT_OLD_S: Final = 86_400
"""How long the key before a rotation stays good, unless it is said."""
_FORM: Final = re.compile(rb"esk_[ust]_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{6}")
_RANDOM_BYTES: Final = 32
_KINDS: Final[dict[type, Kind]] = {User: "u", ServiceAccount: "s", Team: "t"}
_MAX_LIFETIME_S: Final = 10 * 366 * 86_400


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made. `key` is shown once and then gone."""

    key: str
    record: VirtualKey

    def __repr__(self) -> str:
        return f"NewKey({self.record.id}, {self.record.hint})"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to be."""

    name: str
    scopes: tuple[str, ...] = ("llm",)
    models: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    addresses: tuple[str, ...] | None = None
    expires_at: int | None = None
    labels: dict[str, str] = {}


def looks_like_key(text: bytes) -> bool:
    """Whether a text is in the form of a virtual key, checksum and all."""
    return _FORM.fullmatch(text) is not None and text[-6:] == _checksum(text[:-7])


def digest_of(key: bytes, pepper: bytes) -> bytes:
    """What a key is found by: 32 bytes."""
    return hmac.digest(pepper, key, "sha256")


def pepper_of(records: Records) -> bytes:
    """The node's pepper, made at the first call. All workers and nodes of a store share it."""
    known = records.get(NodeSecret, PEPPER)
    if known is None:
        known = records.insert(NodeSecret(id=PEPPER, value=secrets.token_hex(_RANDOM_BYTES)))
    return bytes.fromhex(known.value)


def create(
    records: Records, owner: User | ServiceAccount | Team, wanted: Wanted, by: str, granted: frozenset[str], now: int
) -> NewKey:
    """A new key for an owner. `by`: id of who makes it; `granted`: the scopes that these may give.

    Raises ClientError `key_refused` for what a key must not be.
    """
    check_wanted(wanted, granted, now)
    key = _new_key(_KINDS[type(owner)])
    record = VirtualKey(
        id=f"vk_{secrets.token_hex(12)}",
        organisation=owner.organisation,
        name=wanted.name,
        owner=owner.id,
        digest=digest_of(key.encode(), pepper_of(records)).hex(),
        hint=_hint(key),
        scopes=wanted.scopes,
        models=wanted.models,
        tools=wanted.tools,
        addresses=wanted.addresses,
        expires_at=wanted.expires_at,
        labels=wanted.labels,
        created_by=by,
    )
    return NewKey(key=key, record=records.insert(record))


def rotate(records: Records, key_id: str, now: int, overlap_s: int = KEPT_OLD_S) -> NewKey:
    """Another text for the same key; the one before stays good for `overlap_s`, the one before that ends now.

    Raises NotFound, ClientError `key_refused` for a key that is revoked or over.
    """
    known = records.need(VirtualKey, key_id)
    if known.revoked_at is not None or (known.expires_at is not None and known.expires_at <= now):
        raise _refused("it is revoked or over, and cannot be rotated: make a new one")
    fresh = _new_key(_kind_of(known))
    record = replace(
        known,
        digest=digest_of(fresh.encode(), pepper_of(records)).hex(),
        hint=_hint(fresh),
        previous_digest=known.digest if overlap_s > 0 else None,
        previous_until=now + overlap_s if overlap_s > 0 else None,
        rotated_at=now,
    )
    return NewKey(key=fresh, record=records.replace(record))


def revoke(records: Records, key_id: str, now: int) -> VirtualKey:
    """End a key, and the one before it, for good. Raises NotFound."""
    known = records.need(VirtualKey, key_id)
    if known.revoked_at is not None:
        return known
    return records.replace(replace(known, revoked_at=now, previous_digest=None, previous_until=None))


def note_use(records: Records, used: Sequence[tuple[str, int]]) -> None:
    """When keys were last used, to the minute: (id, second). A key that is being changed meanwhile is left alone."""
    for key_id, at in used:
        known = records.get(VirtualKey, key_id)
        minute = at - at % 60
        if known is not None and (known.last_used_at or 0) < minute:
            records.replace(replace(known, last_used_at=minute))


def check_wanted(wanted: Wanted, granted: frozenset[str], now: int) -> None:
    """Raises ClientError 422 `key_refused` for a key that must not be."""
    if not wanted.name.strip() or len(wanted.name) > 200:
        raise _refused("its name must have 1 to 200 characters")
    beyond = set(wanted.scopes) - granted
    if beyond or not wanted.scopes:
        raise _refused(f"scopes beyond those of its owner: {', '.join(sorted(beyond)) or 'none are given'}")
    if wanted.expires_at is not None and not now < wanted.expires_at <= now + _MAX_LIFETIME_S:
        raise _refused("it must end in the future, within ten years")
    for address in wanted.addresses or ():
        try:
            ip_network(address)
        except ValueError:
            raise _refused(f"{address!r} is no network in CIDR notation") from None


def _new_key(kind: Kind) -> str:
    text = b"esk_%b_%b" % (kind.encode(), base64.urlsafe_b64encode(secrets.token_bytes(_RANDOM_BYTES)).rstrip(b"="))
    return (text + b"_" + _checksum(text)).decode()


def _checksum(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(zlib.crc32(text).to_bytes(4, "big"))[:6]


def _hint(key: str) -> str:
    """Enough to tell keys apart, far too little to guess one."""
    return f"{key[:10]}…{key[-4:]}"


def _kind_of(record: VirtualKey) -> Kind:
    letter = record.hint[4:5]
    return "s" if letter == "s" else "t" if letter == "t" else "u"


def _refused(why: str) -> ClientError:
    return ClientError("key_refused", f"the key was not made: {why}", status=422)
