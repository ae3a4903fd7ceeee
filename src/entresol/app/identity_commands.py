"""The commands of `entresol` about people and keys. Whoever may run them has the store and its master key, and so
every right there is."""

import secrets
import time
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

import msgspec

from entresol.app.store_commands import in_store
from entresol.config import Settings
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.login.invitations import checked_username, has_administrator, invite, setup_link
from entresol.identity.login.sessions import end_sessions
from entresol.identity.oauth.families import revoke_account
from entresol.identity.oauth.scopes import SCOPES
from entresol.identity.records.accounts import Organisation, ServiceAccount, User
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import NewKey, Wanted, create, revoke, rotate

_BY = "command line"


def init(settings: Settings) -> Iterator[str]:
    """A link by which the first administrator sets up the gateway."""
    token = in_store(settings, lambda records: setup_link(records, _now()))
    yield "open this once, within a day, to become the owner of this gateway:"
    yield _link(settings, "setup", token)


def users_list(settings: Settings) -> Iterator[str]:
    """Everybody."""
    for user in in_store(settings, lambda records: records.find(User)):
        state = "" if user.is_active else "  disabled"
        seen = "never" if user.last_seen_at is None else _day(user.last_seen_at)
        yield f"{user.id}  {user.username:<30} seen {seen}{state}"


def users_invite(settings: Settings, username: str, organisation: str | None) -> Iterator[str]:
    """A user, made if there is none of this name, and a link by which they set a password."""
    token = in_store(settings, partial(_invited, username=username, organisation=organisation))
    yield "give them this link; it can be used once, within a day:"
    yield _link(settings, "welcome", token)


def users_disable(settings: Settings, username: str) -> Iterator[str]:
    """They get in no more, and all that they hold ends."""
    yield in_store(settings, partial(_disabled, username=username))


def keys_create(settings: Settings, owner: str, wanted: Wanted) -> Iterator[str]:
    """A key for a user, or a service account, which is made if there is none of this name."""
    new = in_store(settings, partial(_created, owner=owner, wanted=wanted))
    yield from _shown(new)


def keys_list(settings: Settings) -> Iterator[str]:
    """All keys, without the keys."""
    now = _now()
    for key in in_store(settings, lambda records: records.find(VirtualKey)):
        over = key.expires_at is not None and key.expires_at <= now
        state = "revoked" if key.revoked_at is not None else "over" if over else "good"
        used = "never used" if key.last_used_at is None else f"used {_day(key.last_used_at)}"
        yield f"{key.id}  {key.hint:<18} {state:<8} {used:<16} {key.owner}  {key.name}"


def keys_rotate(settings: Settings, key_id: str, overlap_s: int) -> Iterator[str]:
    """Another text for the same key; the old one stays good for a while."""
    yield from _shown(in_store(settings, lambda records: rotate(records, key_id, _now(), overlap_s)))


def keys_revoke(settings: Settings, key_id: str) -> Iterator[str]:
    """The key ends now."""
    record = in_store(settings, lambda records: revoke(records, key_id, _now()))
    yield f"{record.id} ({record.name}) is revoked"


def _invited(records: Records, username: str, organisation: str | None) -> str:
    if not has_administrator(records):
        raise ClientError("not_set_up", "nobody owns this gateway yet: run `entresol init` first", status=409)
    name = checked_username(username)
    found = [each for each in records.find(User, username=name) if organisation in (None, each.organisation)]
    if len(found) > 1:
        raise ClientError("name_refused", f"several organisations have a user {name}: name one", status=422)
    if found:
        return invite(records, found[0], "reset", _now())
    home = _organisation(records, organisation)
    user = records.insert(User(id=_new_id("usr"), organisation=home.id, username=name))
    return invite(records, user, "invite", _now())


def _disabled(records: Records, username: str) -> str:
    users = records.find(User, username=username.strip().lower())
    if len(users) != 1:
        raise ClientError("not_found", f"there are {len(users)} users named {username}", status=404)
    [user] = users
    records.replace(msgspec.structs.replace(user, is_active=False))
    ended = end_sessions(records, user.id, _now())
    revoke_account(records, user.id, _now())
    return f"{user.username} is disabled; {ended} sessions ended"


def _created(records: Records, owner: str, wanted: Wanted) -> NewKey:
    kind, _, name = owner.partition(":")
    if kind == "user":
        users = records.find(User, username=name.lower())
        if len(users) != 1:
            raise ClientError("not_found", f"there are {len(users)} users named {name}", status=404)
        return create(records, users[0], wanted, _BY, frozenset(SCOPES), _now())
    if kind != "service" or not name:
        raise ClientError("key_refused", "expected --for user:NAME or service:NAME", status=422)
    services = [each for each in records.find(ServiceAccount) if each.name == name]
    if len(services) > 1:
        raise ClientError("not_found", f"there are {len(services)} service accounts named {name}", status=404)
    service = services[0] if services else records.insert(
        ServiceAccount(id=_new_id("svc"), organisation=_organisation(records, None).id, name=name)
    )  # fmt: skip
    return create(records, service, wanted, _BY, frozenset(SCOPES), _now())


def _organisation(records: Records, named: str | None) -> Organisation:
    found = [each for each in records.find(Organisation) if named in (None, each.id, each.name)]
    if not found and named is None:
        made = _new_id("org")
        return records.insert(Organisation(id=made, organisation=made, name="default"))
    if len(found) != 1:
        raise ClientError("not_found", f"{len(found)} organisations fit: name one", status=404)
    return found[0]


def _shown(new: NewKey) -> Iterator[str]:
    yield f"{new.record.id} ({new.record.name}); the key is shown this once:"
    yield new.key


def _link(settings: Settings, path: str, token: str) -> str:
    return f"{settings.identity.issuer}/{path}?{urlencode({'token': token})}"


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(8)}"


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _now() -> int:
    return int(time.time())
