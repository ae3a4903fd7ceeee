"""Attacks on the Admin API: nobody gains what they did not have, nobody reaches another organisation."""

from typing import Any

import msgspec
import pytest

from entresol.identity.oauth.signed_tokens import peek
from entresol.identity.records.access import Role, RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, Team
from entresol.identity.records.factors import Invitation
from entresol.identity.records.issuers import Issuer
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.snapshot import take
from unit.admin.office import ISSUER, MODELS, NOW, Caller, Office, code_of

ESCALATION = "privilege_escalation"


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_admin_does_not_become_an_owner(office: Office) -> None:
    ben = office.as_("ben")
    for grantee in ("usr_ben", "usr_dora"):
        body = {"role": "owner", "grantee_kind": "user", "grantee": grantee}
        assert code_of(ben.post("/role-assignments", body)) == ESCALATION
    assert code_of(ben.post("/roles", {"name": "r", "permissions": ["*:*"]})) == ESCALATION
    assert code_of(ben.post("/roles", {"name": "r", "permissions": ["users:impersonate"]})) == ESCALATION
    assert code_of(ben.post("/roles", {"name": "r", "permissions": ["*:delete"]})) == ESCALATION


def test_an_admin_does_not_widen_a_role_that_they_have(office: Office) -> None:
    ben = office.as_("ben")
    role = ben.post("/roles", {"name": "r", "permissions": ["users:read"]}).json()["id"]
    ben.post("/role-assignments", {"role": role, "grantee_kind": "user", "grantee": "usr_ben"})
    assert code_of(ben.patch(f"/roles/{role}", {"permissions": ["issuers:update"]})) == ESCALATION


def test_an_admin_does_not_weaken_those_above(office: Office) -> None:
    ben = office.as_("ben")
    for answer in (
        ben.patch("/users/usr_ada", {"is_active": False}),
        ben.patch("/users/usr_ada", {"username": "nobody"}),
        ben.delete("/users/usr_ada"),
        ben.delete("/role-assignments/user:usr_ada:owner"),
    ):
        assert code_of(answer) == ESCALATION


def test_the_ways_into_an_owners_account_are_closed_to_an_admin(office: Office) -> None:
    ben = office.as_("ben")
    assert code_of(ben.post("/users/usr_ada/invite")) == ESCALATION
    link = {"user": "usr_ada", "issuer": "https://idp.example", "subject": "ben"}
    assert code_of(ben.post("/external-identities", link)) == ESCALATION
    assert code_of(ben.post("/keys", {"name": "k", "owner": "usr_ada", "scopes": ["admin:*"]})) == "key_refused"
    assert not office.records.find(Invitation)
    assert not office.records.find(ExternalIdentity)


def test_a_key_of_an_owner_is_not_rotated_or_widened_by_an_admin(office: Office) -> None:
    office.key_of("ada")
    [key] = office.records.find(VirtualKey, owner="usr_ada")
    ben = office.as_("ben")
    assert code_of(ben.post(f"/keys/{key.id}/rotate")) == ESCALATION
    plain = ben.post("/keys", {"name": "k", "owner": "usr_ada"}).json()["id"]  # for models: no way to administer
    assert code_of(ben.patch(f"/keys/{plain}", {"scopes": ["llm", "admin:write"]})) == "key_refused"
    assert code_of(ben.patch(f"/keys/{plain}", {"owner": "usr_ben"})) == "bad_request"


def test_a_service_account_that_can_do_more_lends_nothing(office: Office) -> None:
    office.add_service("root", "owner")
    ben = office.as_("ben")
    assert code_of(ben.patch("/service-accounts/svc_root", {"subjects": ["https://i.example|ben"]})) == ESCALATION
    client = {
        "name": "c", "authentication": "client_secret_basic", "grant_types": ["client_credentials"],
        "service_account": "svc_root",
    }  # fmt: skip
    assert code_of(ben.post("/oauth-clients", client)) == ESCALATION
    made = office.as_("ada").post("/oauth-clients", client).json()["id"]
    assert code_of(ben.post(f"/oauth-clients/{made}/rotate-secret")) == ESCALATION
    assert code_of(ben.patch(f"/oauth-clients/{made}", {"jwks_uri": "https://evil.example/jwks"})) == ESCALATION
    assert code_of(ben.patch(f"/oauth-clients/{made}", {"service_account": None})) == ESCALATION


def test_a_team_that_can_do_more_takes_in_nobody(office: Office) -> None:
    office.add_team("owners", "owner")
    office.add_team("below", parent="team_owners")
    ben = office.as_("ben")
    for team in ("team_owners", "team_below"):
        assert code_of(ben.post("/memberships", {"team": team, "member": "usr_ben"})) == ESCALATION
    assert code_of(ben.post("/teams", {"name": "mine", "parent": "team_owners"})) == ESCALATION
    mine = ben.post("/teams", {"name": "mine"}).json()["id"]
    assert code_of(ben.patch(f"/teams/{mine}", {"parent": "team_below"})) == ESCALATION


def test_an_issuer_is_an_owners_word(office: Office) -> None:
    """Who vouches for people could vouch for an owner."""
    role = office.records.insert(Role(id="role_i", organisation="org", name="i", permissions=("issuers:*",)))
    office.give(role.id, "user", "usr_ben")
    ben = office.as_("ben")
    assert code_of(ben.post("/issuers", {"name": "x", "issuer": "https://evil.example"})) == ESCALATION
    made = office.as_("ada").post("/issuers", {"name": "x", "issuer": "https://idp.example"}).json()["id"]
    assert code_of(ben.patch(f"/issuers/{made}", {"jwks_uri": "https://evil.example/jwks"})) == ESCALATION
    assert code_of(ben.delete(f"/issuers/{made}")) == ESCALATION
    assert len(office.records.find(Issuer)) == 1


def test_a_grant_gives_no_more_than_its_giver_has(office: Office) -> None:
    office.add_team("red")
    role = office.records.insert(
        Role(id="role_g", organisation="org", name="g", permissions=("grants:create", "teams:read"))
    )
    office.give(role.id, "user", "usr_dora")
    grant = {
        "resource_kind": "teams", "resource": "team_red", "grantee_kind": "user", "grantee": "usr_dora"
    }  # fmt: skip
    dora = office.as_("dora")
    assert dora.post("/grants", grant | {"level": "view"}).status_code == 201
    for level in ("edit", "full"):
        assert code_of(dora.post("/grants", grant | {"level": level})) == ESCALATION


def test_a_narrow_key_makes_no_wider_one(office: Office) -> None:
    narrow = office.as_("ada", "admin:*", models=("gpt-5-nano",))
    assert code_of(narrow.post("/keys", {"name": "k"})) == ESCALATION
    [key] = office.records.find(VirtualKey, owner="usr_ada")
    assert code_of(narrow.patch(f"/keys/{key.id}", {"models": None})) == ESCALATION
    assert code_of(narrow.post(f"/keys/{key.id}/rotate")) == ESCALATION
    weak = office.as_("ada", "admin:write")
    assert code_of(weak.post("/keys", {"name": "k", "scopes": ["admin:*"]})) == "key_refused"


SECRET_FIELDS = (
    "digest",
    "previous_digest",
    "secret_digests",
    "hash",
    "csrf_key",
    "client_secret",
    "secret",
    "client_key",
)


def test_nothing_that_is_read_has_a_secret_in_it(office: Office) -> None:
    ada = office.as_("ada")
    ada.post(
        "/oauth-clients",
        {"name": "c", "authentication": "client_secret_basic", "redirect_uris": ["https://a.example/"]},
    )
    ada.post("/issuers", {"name": "x", "issuer": "https://idp.example", "client_secret": "hush"})
    ada.post("/upstreams", {"mode": "static", "secret": "hush"})
    for path in (
        "/users", "/teams", "/memberships", "/service-accounts", "/keys", "/oauth-clients", "/issuers", "/roles",
        "/role-assignments", "/grants", "/sessions", "/upstreams", "/external-identities", "/whoami", "/organisation",
    ):  # fmt: skip
        answer = ada.get(path)
        assert answer.status_code == 200
        assert "hush" not in answer.text
        for name in SECRET_FIELDS:
            assert f'"{name}":' not in answer.text, (path, name)


def everything_of_another(office: Office) -> dict[str, str]:
    """A record of each kind in the other organisation, and where it would be."""
    eve = office.as_("eve")
    made: dict[str, Any] = {
        "teams": {"name": "t"},
        "service-accounts": {"name": "s"},
        "oauth-clients": {"name": "c", "redirect_uris": ["https://a.example/"]},
        "issuers": {"name": "i", "issuer": "https://idp.example"},
        "roles": {"name": "r", "permissions": ["users:read"]},
        "upstreams": {"mode": "none"},
        "keys": {"name": "k"},
        "external-identities": {"user": "usr_eve", "issuer": "https://i.example", "subject": "s"},
    }
    found = {path: eve.post(f"/{path}", body).json()["id"] for path, body in made.items()}
    return found | {"users": "usr_eve", "role-assignments": "user:usr_eve:owner"}


def test_an_owner_of_one_organisation_is_nobody_in_another(office: Office) -> None:
    ada = office.as_("ada")
    for path, record_id in everything_of_another(office).items():
        assert code_of(ada.get(f"/{path}/{record_id}")) == "not_found", path
        assert code_of(ada.delete(f"/{path}/{record_id}")) == "not_found", path
        assert record_id not in ada.get(f"/{path}?limit=1000").text, path
        if path not in ("role-assignments", "external-identities"):
            assert code_of(ada.patch(f"/{path}/{record_id}", {})) == "not_found", path
    for path in ("users/usr_eve/invite", "keys/x/rotate", "issuers/x/test"):
        body: dict[str, Any] = {"claims": {}} if path.endswith("test") else {}
        assert code_of(ada.post(f"/{path}", body)) == "not_found"


def test_records_of_another_organisation_are_not_referred_to(office: Office) -> None:
    theirs = everything_of_another(office)
    ada = office.as_("ada")
    ours = ada.post("/teams", {"name": "ours"}).json()["id"]
    references: list[tuple[str, dict[str, Any]]] = [
        ("/teams", {"name": "x", "parent": theirs["teams"]}),
        ("/memberships", {"team": theirs["teams"], "member": "usr_ada"}),
        ("/memberships", {"team": ours, "member": "usr_eve"}),
        ("/keys", {"name": "x", "owner": theirs["service-accounts"]}),
        ("/role-assignments", {"role": theirs["roles"], "grantee_kind": "user", "grantee": "usr_ada"}),
        ("/role-assignments", {"role": "auditor", "grantee_kind": "user", "grantee": "usr_eve"}),
        ("/external-identities", {"user": "usr_eve", "issuer": "https://x.example", "subject": "s"}),
    ]
    for path, body in references:
        assert code_of(ada.post(path, body)) == "reference_unknown", path
    assert len(office.records.find(Membership)) == 0
    assert len(office.records.find(OAuthClient, organisation="org")) == 0


def test_a_role_of_another_organisation_is_worth_nothing_here(office: Office) -> None:
    """However it got into the store."""
    theirs = office.records.insert(Role(id="role_x", organisation="other", name="x", permissions=("*:*",)))
    office.records.insert(
        RoleAssignment(id="a", organisation="org", role=theirs.id, grantee_kind="user", grantee="usr_dora")
    )
    office.records.insert(Team(id="team_x", organisation="other", name="x"))
    assert office.as_("dora").get("/whoami").json()["permissions"] == []


def test_nobody_administers_in_anothers_name(office: Office) -> None:
    key = office.key_of("ada")
    entry = next(iter(take(office.records, ISSUER).keys.values()))
    assert entry.principal.impersonator == ""

    async def impersonated(presented: object) -> Any:
        return msgspec.structs.replace(entry.principal, impersonator="usr_ben")

    assert Caller(office, key).get("/whoami").status_code == 200
    office.authenticate = impersonated
    assert code_of(Caller(office, key).get("/whoami")) == "forbidden"
    assert code_of(Caller(office, key).post("/keys", {"name": "k"})) == "forbidden"


def test_what_fails_inside_says_nothing_of_the_inside(office: Office) -> None:
    async def broken(presented: object) -> Any:
        raise RuntimeError("password=hush")

    office.authenticate = broken
    answer = Caller(office, "esk_u_x").get("/users")
    assert (answer.status_code, code_of(answer)) == (500, "internal_error")
    assert "hush" not in answer.text


def test_a_key_that_ends_while_it_is_used_ends(office: Office) -> None:
    ada = office.as_("ada", "admin:read", expires_at=NOW + 10)
    assert ada.get("/users").status_code == 200
    office.now += 10
    assert code_of(ada.get("/users")) == "key_expired"


def test_impersonation_takes_every_right_of_the_user_and_is_marked(office: Office) -> None:
    office.give("owner", "user", "usr_cy")
    ben, ada = office.as_("ben"), office.as_("ada")
    assert code_of(ben.post("/users/usr_dora/impersonate")) == "forbidden"
    role = office.records.insert(Role(id="role_h", organisation="org", name="h", permissions=("users:impersonate",)))
    office.give(role.id, "user", "usr_ben")
    assert code_of(office.as_("ben").post("/users/usr_cy/impersonate")) == ESCALATION
    assert code_of(ada.post("/users/usr_ada/impersonate")) == "bad_request"
    wrongs: list[dict[str, Any]] = [{"scopes": ["admin:read"]}, {"scopes": []}, {"lifetime_s": 901}, {"lifetime_s": 0}]
    for wrong in wrongs:
        assert code_of(ada.post("/users/usr_dora/impersonate", wrong)) == "bad_request"
    token = ada.post("/users/usr_dora/impersonate", {"lifetime_s": 60, "reason": "ticket 7"}).json()
    claims = peek(token["access_token"]).claims
    assert (claims["sub"], claims["impersonator"], claims["aud"]) == ("usr_dora", "usr_ada", MODELS)
    assert token["expires_in"] == 60
    assert claims["scope"] == "llm"
