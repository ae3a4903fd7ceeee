"""Commands about people and keys."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from entresol.app.identity_commands import (
    init,
    keys_create,
    keys_list,
    keys_revoke,
    keys_rotate,
    users_disable,
    users_invite,
    users_list,
)
from entresol.app.store_commands import in_store
from entresol.config import IdentitySettings, Settings, StoreSettings
from entresol.core.errors import ClientError
from entresol.identity.login.invitations import NewAdministrator, accept, set_up
from entresol.identity.records.accounts import Organisation, ServiceAccount, User
from entresol.identity.records.sessions import RevokedToken
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import Wanted, looks_like_key

ROOT = NewAdministrator(organisation="Acme", username="root", display_name="", password_hash="h")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        store=StoreSettings(url=f"sqlite:///{tmp_path / 'store.db'}"),
        identity=IdentitySettings(issuer="https://gw.example/auth"),
    )


def token_in(line: str, path: str) -> str:
    parts = urlsplit(line)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "gw.example", f"/auth/{path}")
    return parse_qs(parts.query)["token"][0]


def refusal(lines: object) -> str:
    with pytest.raises(ClientError) as refused:
        list(lines)  # type: ignore[call-overload]
    return refused.value.code


def set_up_by(settings: Settings) -> User:
    token = token_in(list(init(settings))[-1], "setup")
    return in_store(settings, lambda records: set_up(records, token, ROOT, 0))


def test_the_first_administrator_gets_a_link_and_nobody_afterwards(settings: Settings) -> None:
    assert set_up_by(settings).username == "root"
    assert refusal(init(settings)) == "already_set_up"


def test_users_are_invited_listed_and_disabled(settings: Settings) -> None:
    assert refusal(users_invite(settings, "ada", None)) == "not_set_up"
    set_up_by(settings)
    token = token_in(list(users_invite(settings, "Ada", None))[-1], "welcome")
    user = in_store(settings, lambda records: accept(records, token, "h", 0))
    assert user.username == "ada"
    again = token_in(list(users_invite(settings, "ada", None))[-1], "welcome")
    assert in_store(settings, lambda records: accept(records, again, "h", 0)).id == user.id
    assert list(users_disable(settings, "ada")) == ["ada is disabled; 0 sessions ended"]
    [line] = [line for line in users_list(settings) if " ada " in line]
    assert line.endswith("seen never  disabled")
    assert in_store(settings, lambda records: records.get(RevokedToken, f"account:{user.id}")) is not None
    assert refusal(users_disable(settings, "nobody")) == "not_found"


def test_of_several_users_of_a_name_one_must_be_meant(settings: Settings) -> None:
    root = set_up_by(settings)
    in_store(settings, lambda records: records.insert(Organisation(id="o2", organisation="o2", name="Second")))
    in_store(settings, lambda records: records.insert(User(id="x", organisation="o2", username="root")))
    assert refusal(users_invite(settings, "root", None)) == "name_refused"
    token = token_in(list(users_invite(settings, "root", root.organisation))[-1], "welcome")
    assert in_store(settings, lambda records: accept(records, token, "h", 0)).id == root.id
    assert refusal(users_invite(settings, "new", None)) == "not_found"
    assert refusal(users_disable(settings, "root")) == "not_found"
    assert refusal(keys_create(settings, "user:root", Wanted(name="k"))) == "not_found"


def test_a_key_is_shown_once_listed_without_itself_rotated_and_revoked(settings: Settings) -> None:
    _, key = keys_create(settings, "service:ci", Wanted(name="build"))
    assert looks_like_key(key.encode())
    [line] = keys_list(settings)
    assert key not in line
    assert re.search(r"^vk_\w+  esk_s_\S+ +good +never used +svc_\w+  build$", line)
    key_id = line.split(" ")[0]
    _, fresh = keys_rotate(settings, key_id, 60)
    assert fresh != key
    assert list(keys_revoke(settings, key_id)) == [f"{key_id} (build) is revoked"]
    assert "revoked" in next(iter(keys_list(settings)))
    assert refusal(keys_rotate(settings, key_id, 60)) == "key_refused"
    assert refusal(keys_revoke(settings, "vk_nothing")) == "not_found"


def test_keys_of_one_service_belong_to_one_account(settings: Settings) -> None:
    for name in ("a", "b"):
        list(keys_create(settings, "service:ci", Wanted(name=name)))
    assert len(in_store(settings, lambda records: records.find(ServiceAccount))) == 1
    assert len({key.owner for key in in_store(settings, lambda records: records.find(VirtualKey))}) == 1


def test_a_key_that_is_over_is_listed_so(settings: Settings) -> None:
    root = set_up_by(settings)
    list(keys_create(settings, "user:ROOT", Wanted(name="k")))
    assert root.id in next(iter(keys_list(settings)))


@pytest.mark.parametrize("owner", ["ci", "service:", "team:x", "", "user:nobody"])
def test_a_key_needs_an_owner(settings: Settings, owner: str) -> None:
    assert refusal(keys_create(settings, owner, Wanted(name="k"))) in ("key_refused", "not_found")


def test_a_key_has_no_scope_that_there_is_not(settings: Settings) -> None:
    assert refusal(keys_create(settings, "service:ci", Wanted(name="k", scopes=("everything",)))) == "key_refused"
