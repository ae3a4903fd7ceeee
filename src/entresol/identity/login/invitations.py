"""One-time links: the set-up of a node that has no administrator, an invitation, a forgotten password.

There is no default password. A link holds 256 random bits, lives for a day, and is used up by its first use.
"""

import re
import secrets
from typing import Final, Literal

import msgspec

from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.jit import assignment_id
from entresol.identity.login.passwords import set_password
from entresol.identity.login.sessions import end_sessions
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import Organisation, User
from entresol.identity.records.factors import Invitation

LIFETIME_S: Final = 86_400
LINK_PREFIX: Final = "esi_"
OWNER: Final = "owner"
"""The built-in role of who has set a node up."""
MAX_NAME: Final = 100
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
Purpose = Literal["setup", "invite", "reset"]


class NewAdministrator(msgspec.Struct, frozen=True, kw_only=True):
    """Who sets a node up."""

    organisation: str
    username: str
    display_name: str
    password_hash: str


def has_administrator(records: Records) -> bool:
    """Whether somebody who is active owns an organisation."""
    owners = [each for each in records.find(RoleAssignment, role=OWNER) if each.grantee_kind == "user"]
    return any((user := records.get(User, each.grantee)) is not None and user.is_active for each in owners)


def setup_link(records: Records, now: int) -> str:
    """The token of a new set-up link; older ones count no more. Raises ClientError 409 `already_set_up`."""
    if has_administrator(records):
        raise _set_up()
    for old in records.find(Invitation):
        if old.purpose == "setup":
            records.delete(Invitation, old.id)
    return _link(records, "", "setup", "", now)


def invite(records: Records, user: User, purpose: Literal["invite", "reset"], now: int) -> str:
    """The token of a link by which a user sets a password; older ones of theirs count no more."""
    records.delete_where(Invitation, user=user.id)
    return _link(records, user.organisation, purpose, user.id, now)


def invitation(records: Records, token: str, now: int) -> Invitation:
    """What a link is for. Raises ClientError 410 `link_over`."""
    found = records.get(Invitation, handle_digest(token))
    if found is None or found.expires_at <= now:
        raise _over()
    return found


def set_up(records: Records, token: str, who: NewAdministrator, now: int) -> User:
    """Use the set-up link: the organisation, its first user, who owns it. Raises ClientError `link_over`,
    `already_set_up`, 422 `name_refused`."""
    found = invitation(records, token, now)
    if found.purpose != "setup":
        raise _over()
    if has_administrator(records):
        raise _set_up()
    username, name = checked_username(who.username), who.organisation.strip()
    if not 0 < len(name) <= MAX_NAME or "/" in name or not name.isprintable():
        raise ClientError(
            "name_refused", f"An organisation's name has 1 to {MAX_NAME} characters, no slash.", status=422
        )
    organisation_id = f"org_{secrets.token_hex(8)}"
    records.insert(Organisation(id=organisation_id, organisation=organisation_id, name=name))
    user = records.insert(
        User(
            id=f"usr_{secrets.token_hex(8)}",
            organisation=organisation_id,
            username=username,
            display_name=who.display_name.strip()[:MAX_NAME],
        )
    )
    set_password(records, user, who.password_hash, now)
    records.insert(owner_assignment(user))
    records.delete(Invitation, found.id)
    return user


def accept(records: Records, token: str, password_hash: str, now: int) -> User:
    """Set a password by a link, and end all sessions. A second factor stays. Raises ClientError `link_over`."""
    found = records.take(Invitation, handle_digest(token))
    if found is None or found.expires_at <= now or found.purpose == "setup":
        raise _over()
    user = records.get(User, found.user)
    if user is None or not user.is_active:
        raise _over()
    set_password(records, user, password_hash, now)
    end_sessions(records, user.id, now)
    return user


def owner_assignment(user: User) -> RoleAssignment:
    """The record by which a user owns their organisation."""
    return RoleAssignment(
        id=assignment_id(OWNER, "user", user.id),
        organisation=user.organisation,
        role=OWNER,
        grantee_kind="user",
        grantee=user.id,
    )


def checked_username(text: str) -> str:
    """A user name as it is kept. Raises ClientError 422 `name_refused`."""
    name = text.strip().lower()
    if _USERNAME.fullmatch(name) is None:
        why = "A user name has 1 to 100 of the characters a-z 0-9 . _ @ + -, a letter or digit first."
        raise ClientError("name_refused", why, status=422)
    return name


def _link(records: Records, organisation: str, purpose: Purpose, user: str, now: int) -> str:
    token = new_handle(LINK_PREFIX)
    records.insert(
        Invitation(
            id=handle_digest(token), organisation=organisation, purpose=purpose, user=user, expires_at=now + LIFETIME_S
        )
    )
    return token


def _over() -> ClientError:
    return ClientError("link_over", "This link has been used, or is over. Ask for a new one.", status=410)


def _set_up() -> ClientError:
    return ClientError("already_set_up", "This gateway has an administrator already.", status=409)
