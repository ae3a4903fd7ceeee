"""Teams and who is in them."""

from typing import Any, Final

from msgspec.structs import replace

from entresol.admin.collection import Change, Collection, in_organisation, operations
from entresol.admin.operation import Operation
from entresol.core.errors import ClientError
from entresol.identity.jit import membership_id
from entresol.identity.records.accounts import Membership, ServiceAccount, Team, User
from entresol.identity.removal import clear_team
from entresol.identity.rights import permissions_of_team

MAX_NESTED: Final = 32


def _admit_team(change: Change) -> Team:
    team: Team = replace(change.after, name=change.after.name.strip())
    if not 0 < len(team.name) <= 100:
        raise ClientError("name_refused", "a team's name has 1 to 100 characters", status=422)
    if team.parent is not None and (change.before is None or change.before.parent != team.parent):
        parent = in_organisation(change.records, Team, team.parent, team.organisation, "parent")
        _check_no_circle(change, team, parent)
        change.rights.must_exceed(permissions_of_team(change.records, parent), "the team above")
    return team


def _check_no_circle(change: Change, team: Team, parent: Team) -> None:
    above: Team | None = parent
    for _ in range(MAX_NESTED):
        if above is None:
            return
        if above.id == team.id:
            break
        above = change.records.get(Team, above.parent) if above.parent is not None else None
    raise ClientError("team_circle", f"parent: a team cannot be below itself, or below {MAX_NESTED} others", status=422)


def _remove_team(change: Change) -> None:
    change.rights.must_exceed(permissions_of_team(change.records, change.before), "the team")
    clear_team(change.records, change.before, change.now)


TEAMS: Final = Collection(
    name="teams",
    one="team",
    record=Team,
    prefix="team",
    writable=("name", "parent", "external_id"),
    filters=("name", "parent", "external_id"),
    admit=_admit_team,
    remove=_remove_team,
)


def _admit_membership(change: Change) -> Membership:
    """Who is in a team has its rights: nobody puts anybody into one that can do more than they."""
    membership: Membership = change.after
    organisation = membership.organisation
    team = in_organisation(change.records, Team, membership.team, organisation, "team")
    cls: Any = ServiceAccount if membership.member.startswith("svc_") else User
    in_organisation(change.records, cls, membership.member, organisation, "member")
    _check_keeper(team)
    change.rights.must_exceed(permissions_of_team(change.records, team), "the team")
    return membership


def _remove_membership(change: Change) -> None:
    team = change.records.get(Team, change.before.team)
    if team is not None:
        _check_keeper(team)
        change.rights.must_exceed(permissions_of_team(change.records, team), "the team")


def _check_keeper(team: Team) -> None:
    if team.source == "scim":
        raise ClientError("kept_elsewhere", "a directory keeps the members of this team, by SCIM", status=409)


MEMBERSHIPS: Final = Collection(
    name="memberships",
    resource="teams",
    one="membership",
    record=Membership,
    prefix="",
    writable=("team", "member"),
    filters=("team", "member"),
    make_id=lambda draft: membership_id(draft.team, draft.member),
    admit=_admit_membership,
    remove=_remove_membership,
)


def team_operations() -> list[Operation]:
    """All of them."""
    return [*operations(TEAMS), *operations(MEMBERSHIPS, but=("update",))]
