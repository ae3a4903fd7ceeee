import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.identity.permissions import NOTHING, Permissions
from entresol.identity.principal import Actor, Principal
from entresol.identity.records.access import GranteeKind, ResourceGrant, Role, RoleAssignment
from entresol.identity.records.accounts import Membership, Team, User
from entresol.identity.rights import (
    Rights,
    permissions_of_account,
    permissions_of_roles,
    permissions_of_team,
    rights_of,
)
from fake_records import MemoryRecords

ADA = Principal(tenant="o", issuer="i", subject="ada", kind="user", account="ada")


@pytest.fixture
def records() -> MemoryRecords:
    made = MemoryRecords()
    made.insert(Role(id="r", organisation="o", name="r", permissions=("teams:read",)))
    made.insert(User(id="ada", organisation="o", username="ada"))
    return made


def give(records: MemoryRecords, role: str, kind: GranteeKind, grantee: str) -> None:
    records.insert(
        RoleAssignment(id=f"{kind}{grantee}{role}", organisation="o", role=role, grantee_kind=kind, grantee=grantee)
    )


def test_roles_give_permissions(records: MemoryRecords) -> None:
    rights = rights_of(records, msgspec.structs.replace(ADA, roles=frozenset(("r", "auditor", "gone"))))
    assert rights.may("teams", "read")
    assert rights.may("users", "read")
    assert not rights.may("teams", "delete")
    with pytest.raises(ClientError, match="teams:delete is needed"):
        rights.need("teams", "delete")


def test_another_tenants_role_is_worth_nothing(records: MemoryRecords) -> None:
    assert permissions_of_roles(records, "other", ("r",)).names() == ()


@pytest.mark.parametrize(
    "who",
    [
        Principal(tenant="o", issuer="i", subject="s", kind="user", roles=frozenset(("owner",)), impersonator="x"),
        Principal(
            tenant="o",
            issuer="i",
            subject="s",
            kind="user",
            roles=frozenset(("owner",)),
            actors=(Actor(issuer="i", subject="bot"),),
        ),
    ],
    ids=["impersonated", "delegated"],
)
def test_in_anothers_name_there_are_no_rights(records: MemoryRecords, who: Principal) -> None:
    assert rights_of(records, who).permissions.names() == ()


def test_grants_count_on_their_resource(records: MemoryRecords) -> None:
    grantees: list[tuple[GranteeKind, str]] = [("user", "ada"), ("everyone", ""), ("user", "ben")]
    for index, (kind, grantee) in enumerate(grantees):
        records.insert(
            ResourceGrant(
                id=str(index),
                organisation="o",
                resource_kind="teams",
                resource=f"t{index}",
                level="edit",
                grantee_kind=kind,
                grantee=grantee,
            )
        )
    rights = rights_of(records, ADA)
    assert rights.granted("teams", "update") == ("t0", "t1")
    assert rights.may("teams", "update", "t0")
    assert not rights.may("teams", "delete", "t0")
    assert not rights.may("teams", "read", "t2")


def test_an_account_can_do_what_it_its_teams_and_those_above_can(records: MemoryRecords) -> None:
    for team, parent in (("all", None), ("some", "all")):
        records.insert(Team(id=team, organisation="o", name=team, parent=parent))
    records.insert(Membership(id="m", organisation="o", team="some", member="ada"))
    give(records, "r", "team", "all")
    give(records, "provisioner", "user", "ada")
    records.insert(
        ResourceGrant(
            id="g", organisation="o", resource_kind="keys", resource="k", level="view", grantee_kind="role", grantee="r"
        )
    )
    can = permissions_of_account(records, records.need(User, "ada")).names()
    assert can == ("directory:read", "directory:write", "keys:read", "teams:read")
    assert permissions_of_team(records, records.need(Team, "some")).names() == ("keys:read", "teams:read")


def test_who_has_less_is_told_what_is_missing() -> None:
    with pytest.raises(ClientError, match="users:read") as caught:
        Rights(NOTHING, {}).must_exceed(Permissions(("users:read",)), "the role")
    assert (caught.value.status, caught.value.code) == (403, "privilege_escalation")
    Rights(Permissions(("*:*",)), {}).must_exceed(Permissions(("*:*",)), "the role")
