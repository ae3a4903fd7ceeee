"""Users made and kept up to date by what their issuer says at each sign-in.

A user is found by issuer and subject, and in no other way: an e-mail address or a user name can be had at another
issuer, too, by somebody else. Who has signed in here already links a second identity from their own pages.

Work on records, to be run in one transaction; when two first sign-ins of one person meet, one of them gets
AlreadyExists and is run again.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

from entresol.core.decision import Deny
from entresol.core.storage import Records
from entresol.identity.jwt_results import Mapped
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, Team, User
from entresol.identity.records.issuers import Issuer
from entresol.identity.role_names import role_ids

SEEN_EVERY_S: Final = 60
"""`last_seen_at` is written no more often than this."""
MAX_USERNAME: Final = 200


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The user whom an issuer vouches for."""

    user: User
    is_new: bool
    """Made just now."""
    teams: frozenset[str]
    """Ids of the teams the user is in, without those above them."""


def identity_id(organisation: str, issuer: str, subject: str) -> str:
    """Id of an ExternalIdentity, made of its fields, so that it exists once."""
    return sha256("\n".join((organisation, issuer, subject)).encode()).hexdigest()


def membership_id(team: str, member: str) -> str:
    """Id of a Membership, made of the two."""
    return f"{team}:{member}"


def assignment_id(role: str, grantee_kind: str, grantee: str) -> str:
    """Id of a RoleAssignment, made of its fields."""
    return f"{grantee_kind}:{grantee}:{role}"


def known_user(records: Records, issuer: Issuer, subject: str) -> User | None:
    """The user with this identity, active or not."""
    identity = records.one(ExternalIdentity, organisation=issuer.organisation, issuer=issuer.issuer, subject=subject)
    user = records.get(User, identity.user) if identity is not None else None
    return user if user is not None and user.organisation == issuer.organisation else None


def sign_in(records: Records, issuer: Issuer, mapped: Mapped, now: int, new_id: Callable[[], str]) -> SignedIn | Deny:
    """Find or make the user, and bring what claims decide up to date.

    Refusals: 403 `account_disabled`, `no_account`. Raises AlreadyExists: run it again.
    """
    if mapped.kind != "user":
        return Deny(403, "no_account", "programs do not sign in as users")
    user = known_user(records, issuer, mapped.subject) or _from_directory(records, issuer, mapped, new_id)
    if user is None and _is_dangling(records, issuer, mapped.subject):
        return Deny(403, "account_disabled", "the account has been removed")
    is_new = user is None
    if user is None:
        if not issuer.creates_users:
            return Deny(403, "no_account", "there is no account for you here: ask an administrator for one")
        user = _create(records, issuer, mapped, now, new_id)
    if not user.is_active:
        return Deny(403, "account_disabled", "the account has been deactivated")
    user = _refresh(records, user, mapped, now)
    _keep_roles(records, user, role_ids(records, user.organisation, mapped.roles))
    teams = _keep_teams(records, user, mapped.teams, new_id)
    return SignedIn(user=user, is_new=is_new, teams=teams)


def link(records: Records, user: User, issuer: Issuer, subject: str) -> ExternalIdentity | Deny:
    """Give a user who has just signed in another identity. Refusal: 409 `identity_taken`."""
    if user.organisation != issuer.organisation:
        raise ValueError("an issuer of another organisation")
    place = identity_id(issuer.organisation, issuer.issuer, subject)
    taken = records.get(ExternalIdentity, place)
    if taken is not None:
        if taken.user == user.id:
            return taken
        return Deny(409, "identity_taken", "this identity belongs to another account here")
    return _identify(records, user, issuer, subject)


def _is_dangling(records: Records, issuer: Issuer, subject: str) -> bool:
    """The identity is known and its user is gone: whoever removed the user did not mean to make a new one."""
    return records.get(ExternalIdentity, identity_id(issuer.organisation, issuer.issuer, subject)) is not None


def _from_directory(records: Records, issuer: Issuer, mapped: Mapped, new_id: Callable[[], str]) -> User | None:
    if not issuer.links_directory or _is_dangling(records, issuer, mapped.subject):
        return None
    for external_id in {mapped.subject, mapped.subject.rpartition(":")[2] if issuer.profile == "entra" else ""} - {""}:
        user = records.one(User, organisation=issuer.organisation, external_id=external_id)
        if user is not None and user.source == "scim":
            _identify(records, user, issuer, mapped.subject)
            return user
    return None


def _identify(records: Records, user: User, issuer: Issuer, subject: str) -> ExternalIdentity:
    return records.insert(
        ExternalIdentity(
            id=identity_id(issuer.organisation, issuer.issuer, subject),
            organisation=issuer.organisation,
            user=user.id,
            issuer=issuer.issuer,
            subject=subject,
        )
    )


def _create(records: Records, issuer: Issuer, mapped: Mapped, now: int, new_id: Callable[[], str]) -> User:
    user = records.insert(
        User(
            id=new_id(),
            organisation=issuer.organisation,
            username=_free_username(records, issuer, mapped),
            email=mapped.email,
            display_name=mapped.display_name,
            given_name=mapped.given_name,
            family_name=mapped.family_name,
            source="sign-in",
            last_seen_at=now,
        )
    )
    _identify(records, user, issuer, mapped.subject)
    return user


def _free_username(records: Records, issuer: Issuer, mapped: Mapped) -> str:
    """The name, or where somebody else has it, the name and something of its own: never somebody else's account."""
    wanted = (mapped.username or mapped.subject).strip().lower()[:MAX_USERNAME] or "user"
    if records.one(User, organisation=issuer.organisation, username=wanted) is None:
        return wanted
    return f"{wanted}~{identity_id(issuer.organisation, issuer.issuer, mapped.subject)[:12]}"


def _refresh(records: Records, user: User, mapped: Mapped, now: int) -> User:
    """What the issuer says of a person replaces what it said before; administrators' and directories' words stay."""
    fresh = user
    if user.source == "sign-in":
        fresh = msgspec.structs.replace(
            fresh,
            email=mapped.email or user.email,
            display_name=mapped.display_name or user.display_name,
            given_name=mapped.given_name or user.given_name,
            family_name=mapped.family_name or user.family_name,
        )
    if user.last_seen_at is None or now - user.last_seen_at >= SEEN_EVERY_S:
        fresh = msgspec.structs.replace(fresh, last_seen_at=now)
    return user if fresh == user else records.replace(fresh)


def _keep_roles(records: Records, user: User, wanted: frozenset[str]) -> None:
    """Those that claims gave come and go with the claims; the others are not touched."""
    held = [a for a in records.find(RoleAssignment, grantee=user.id) if a.grantee_kind == "user"]
    for assignment in held:
        if assignment.source == "claims" and assignment.role not in wanted:
            records.delete(RoleAssignment, assignment.id)
    for role in sorted(wanted - {assignment.role for assignment in held}):
        records.insert(
            RoleAssignment(
                id=assignment_id(role, "user", user.id),
                organisation=user.organisation,
                role=role,
                grantee_kind="user",
                grantee=user.id,
                source="claims",
            )
        )


def _keep_teams(records: Records, user: User, wanted: frozenset[str], new_id: Callable[[], str]) -> frozenset[str]:
    """As `_keep_roles`. A team that does not exist is made; one that a directory keeps takes its members from there."""
    held = records.find(Membership, member=user.id)
    teams = {_team(records, user.organisation, name, new_id) for name in sorted(wanted)} - {None}
    kept = {membership.team for membership in held if membership.source != "claims" or membership.team in teams}
    for membership in held:
        if membership.team not in kept:
            records.delete(Membership, membership.id)
    for team in sorted(team for team in teams if team is not None and team not in kept):
        records.insert(
            Membership(
                id=membership_id(team, user.id),
                organisation=user.organisation,
                team=team,
                member=user.id,
                source="claims",
            )
        )
        kept.add(team)
    return frozenset(kept)


def _team(records: Records, organisation: str, name: str, new_id: Callable[[], str]) -> str | None:
    team = records.one(Team, organisation=organisation, name=name)
    if team is None:
        team = records.insert(Team(id=new_id(), organisation=organisation, name=name, source="claims"))
    return None if team.source == "scim" else team.id
