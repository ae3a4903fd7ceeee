import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.identity.permissions import BUILT_IN, CATALOGUE, Permissions, checked_permissions

EVERY = [f"{resource}:{action}" for resource, actions in CATALOGUE.items() for action in actions]
WILD = ["*:*", *(f"{resource}:*" for resource in CATALOGUE), "*:read", "*:delete"]
SETS = st.lists(st.sampled_from(EVERY + WILD), max_size=8)


def has_all(permissions: Permissions, names: list[str]) -> bool:
    return all(permissions.has(*name.split(":")) for name in names)


def test_wildcards_stand_for_what_there_is() -> None:
    assert has_all(Permissions(["*:*"]), EVERY)
    assert has_all(Permissions(["users:*"]), [name for name in EVERY if name.startswith("users:")])
    assert has_all(Permissions(["*:read"]), [name for name in EVERY if name.endswith(":read")])
    assert not Permissions(["*:read"]).has("users", "delete")
    assert not Permissions(["*:*"]).has("users", "fly")


@given(SETS, SETS)
def test_what_a_set_lacks_is_what_adding_it_would_gain(mine: list[str], theirs: list[str]) -> None:
    mine_set, their_set = Permissions(mine), Permissions(theirs)
    missing = mine_set.lacks(their_set)
    assert not Permissions([*mine, *theirs]).lacks(their_set)
    assert set(missing) - {"*:*"} == set(their_set.names()) - set(mine_set.names()) - {"*:*"}
    assert bool(missing) == bool(set(their_set.names()) - set(mine_set.names()))


def test_all_there_is_today_is_not_everything() -> None:
    assert Permissions(EVERY).lacks(Permissions(["*:*"])) == ("*:*",)


def test_built_in_roles_have_permissions_that_exist() -> None:
    for role in BUILT_IN.values():
        assert checked_permissions(role.permissions) == role.permissions
    admin = Permissions(BUILT_IN["admin"].permissions)
    assert not admin.has("issuers", "update")
    assert not admin.has("users", "impersonate")
    assert not [name for name in BUILT_IN["auditor"].permissions if not name.endswith(":read")]


@pytest.mark.parametrize("name", ["users", "users:", ":read", "users:fly", "planes:read", "*:fly", "users:read:all"])
def test_a_misspelt_permission_is_refused(name: str) -> None:
    with pytest.raises(ClientError, match="there is no permission"):
        checked_permissions([name])
