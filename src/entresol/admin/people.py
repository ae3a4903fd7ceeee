"""Users, the identities that they have elsewhere, their sessions, and the organisation that they belong to."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from entresol.admin.collection import Change, Collection, found_for, in_organisation, operations
from entresol.admin.operation import Answer, Call, Operation, etag_of
from entresol.core.errors import ClientError
from entresol.identity.jit import identity_id
from entresol.identity.login.invitations import checked_username, invite
from entresol.identity.login.sessions import end_session
from entresol.identity.records.accounts import ExternalIdentity, Organisation, User
from entresol.identity.records.factors import Password
from entresol.identity.records.sessions import Session
from entresol.identity.removal import check_owner_remains, clear_user, shut_out
from entresol.identity.rights import permissions_of_account


def _admit_user(change: Change) -> User:
    user, before = change.after, change.before
    if before is not None:
        change.rights.must_exceed(permissions_of_account(change.records, before), "the user")
        if before.is_active and not user.is_active:
            check_owner_remains(change.records, before)
            shut_out(change.records, before, change.now)
    checked: User = replace(user, username=checked_username(user.username))
    return checked


def _remove_user(change: Change) -> None:
    change.rights.must_exceed(permissions_of_account(change.records, change.before), "the user")
    check_owner_remains(change.records, change.before)
    clear_user(change.records, change.before, change.now)


USERS: Final = Collection(
    name="users",
    one="user",
    record=User,
    prefix="usr",
    writable=("username", "email", "display_name", "given_name", "family_name", "is_active", "external_id"),
    filters=("username", "email", "external_id"),
    admit=_admit_user,
    remove=_remove_user,
)


def _admit_identity(change: Change) -> ExternalIdentity:
    """Whoever is that subject at that issuer is the user from then on."""
    identity: ExternalIdentity = change.after
    user = in_organisation(change.records, User, identity.user, identity.organisation, "user")
    change.rights.must_exceed(permissions_of_account(change.records, user), "the user")
    return identity


def _remove_identity(change: Change) -> None:
    user = change.records.get(User, change.before.user)
    if user is not None:
        change.rights.must_exceed(permissions_of_account(change.records, user), "the user")
        shut_out(change.records, user, change.now)


IDENTITIES: Final = Collection(
    name="external-identities",
    resource="users",
    one="external identity",
    record=ExternalIdentity,
    prefix="",
    writable=("user", "issuer", "subject"),
    filters=("user",),
    make_id=lambda draft: identity_id(draft.organisation, draft.issuer, draft.subject),
    admit=_admit_identity,
    remove=_remove_identity,
)


def _end_session(change: Change) -> None:
    end_session(change.records, change.before.user, change.before.id, change.now)


SESSIONS: Final = Collection(
    name="sessions",
    one="session",
    record=Session,
    prefix="",
    writable=(),
    hidden=("csrf_key",),
    filters=("user",),
    remove=_end_session,
    is_own=lambda session, principal: bool(principal.account) and session.user == principal.account,
)


class Invited(msgspec.Struct, kw_only=True):
    """A link by which a user sets a password."""

    url: str
    expires_in: int


class OrganisationView(msgspec.Struct, kw_only=True):
    """The organisation of whoever asks."""

    id: str
    name: str
    domains: tuple[str, ...]
    created_at: int
    updated_at: int


class OrganisationChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A merge patch."""

    name: str | UnsetType = UNSET
    domains: tuple[str, ...] | UnsetType = UNSET


def people_operations(issuer: str) -> list[Operation]:
    """All of them. `issuer`: where links lead."""
    return [
        *operations(USERS),
        Operation(
            id="inviteUser",
            method="POST",
            path="/users/{id}/invite",
            summary="Make a link by which the user sets a password; older ones end",
            tag="users",
            permission="users:invite",
            answer=Invited,
            work=lambda call: _invite(call, issuer),
        ),
        *operations(IDENTITIES, but=("update",)),
        *operations(SESSIONS, but=("create", "update")),
        Operation(
            id="readOrganisation",
            method="GET",
            path="/organisation",
            summary="Read the organisation",
            tag="organisation",
            permission="organisation:read",
            answer=OrganisationView,
            work=_read_organisation,
        ),
        Operation(
            id="updateOrganisation",
            method="PATCH",
            path="/organisation",
            summary="Change the organisation",
            tag="organisation",
            permission="organisation:update",
            body=OrganisationChange,
            answer=OrganisationView,
            work=_change_organisation,
        ),
    ]


def _invite(call: Call, issuer: str) -> Answer:
    """Whoever has the link has the account: it takes as much as the account can do."""
    call.rights.need("users", "invite", call.path["id"])
    user: User = found_for(USERS, call, "read")
    call.rights.must_exceed(permissions_of_account(call.records, user), "the user")
    if not user.is_active:
        raise ClientError("account_disabled", "the user is not active", status=409)
    purpose: Any = "reset" if call.records.get(Password, user.id) is not None else "invite"
    token = invite(call.records, user, purpose, call.now)
    return Answer(body={"url": f"{issuer}/welcome?token={token}", "expires_in": 86_400})


def _read_organisation(call: Call) -> Answer:
    call.rights.need("organisation", "read")
    return _shown(call.records.need(Organisation, call.tenant))


def _change_organisation(call: Call) -> Answer:
    call.rights.need("organisation", "update")
    known = call.records.need(Organisation, call.tenant)
    call.check_match(known)
    name = known.name if call.body.name is UNSET else call.body.name.strip()
    domains = known.domains if call.body.domains is UNSET else tuple(each.lower() for each in call.body.domains)
    if not 0 < len(name) <= 100 or "/" in name or not name.isprintable():
        raise ClientError("name_refused", "An organisation's name has 1 to 100 characters, no slash.", status=422)
    return _shown(call.records.replace(replace(known, name=name, domains=domains)))


def _shown(found: Organisation) -> Answer:
    body = {name: getattr(found, name) for name in OrganisationView.__struct_fields__}
    return Answer(body=body, headers={"etag": etag_of(found)})
