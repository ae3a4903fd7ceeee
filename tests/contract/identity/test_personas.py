"""Tokens of oidc-provider in the shapes of Okta, Entra ID, Auth0 and Keycloak."""

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from contract.identity.door import outcomes, verifier_of
from entresol.core.decision import Deny
from entresol.identity.jwt_results import Verified
from entresol.identity.principal import Principal
from entresol.identity.records.issuers import Issuer

API = "https://gateway.example"
TENANT = "11111111-2222-3333-4444-555555555555"
OBJECT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
APP = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
PERSONAS = ("okta", "entra", "auth0", "keycloak")
Told = dict[str, dict[str, str]]
USER = {
    "okta": ("00u1", "ci", {"Everyone", "gateway-admins"}),
    "entra": (f"{TENANT}:{OBJECT}", APP, set()),
    "auth0": ("auth0|ada", "ci", {"eng"}),
    "keycloak": ("f3-ada", "ci", {"/eng/backend"}),
}
PROGRAM = {"okta": "ci", "entra": f"{TENANT}:{OBJECT}", "auth0": "ci@clients", "keycloak": "f3-service"}


def record(told: Told, persona: str, **changes: Any) -> Issuer:
    fields: dict[str, Any] = {
        "id": persona,
        "organisation": "org",
        "name": persona,
        "profile": persona,
        "issuer": told[persona]["issuer"],
        "audiences": (APP,) if persona == "entra" else (API,),
    }
    return Issuer(**(fields | changes))


def answer(told: Told, persona: str, grant: str, scope: str = "llm mcp") -> dict[str, str]:
    """What the token endpoint gives."""
    form = {"grant_type": grant, "client_id": "ci", "client_secret": "secret", "scope": scope}
    with urllib.request.urlopen(told[persona]["token"], urllib.parse.urlencode(form).encode()) as response:
        whole: dict[str, str] = json.load(response)
        return whole


async def principal(told: Told, persona: str, grant: str) -> Principal:
    token = answer(told, persona, grant)["access_token"].encode()
    (outcome,) = await outcomes(verifier_of(record(told, persona)), token)
    assert isinstance(outcome, Verified), outcome
    return outcome.principal


@pytest.mark.anyio
@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_persons_token_is_a_person(personas: Told, persona: str) -> None:
    found = await principal(personas, persona, "urn:test:user")
    subject, client, groups = USER[persona]
    assert (found.subject, found.client, found.kind, found.tenant) == (subject, client, "user", "org")
    assert (found.scopes, found.groups) == (frozenset(("llm", "mcp")), frozenset(groups))
    assert found.issuer == personas[persona]["issuer"]


@pytest.mark.anyio
@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_programs_token_is_a_program(personas: Told, persona: str) -> None:
    found = await principal(personas, persona, "client_credentials")
    assert (found.subject, found.kind) == (PROGRAM[persona], "service")


@pytest.mark.anyio
@pytest.mark.parametrize("persona", PERSONAS)
async def test_their_id_tokens_open_nothing(personas: Told, persona: str) -> None:
    token = answer(personas, persona, "urn:test:user")["id_token"].encode()
    for changes in ({}, {"audiences": ("ci",)}, {"audiences": ("ci",), "client_id": "ci"}):
        (outcome,) = await outcomes(verifier_of(record(personas, persona, **changes)), token)
        assert isinstance(outcome, Deny), changes
        assert outcome.code == "invalid_token"


@pytest.mark.anyio
@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_token_of_one_is_no_token_of_another(personas: Told, persona: str) -> None:
    token = answer(personas, persona, "urn:test:user")["access_token"].encode()
    others = [record(personas, other) for other in PERSONAS if other != persona]
    (outcome,) = await outcomes(verifier_of(*others), token)
    assert isinstance(outcome, Deny)
    everybody = verifier_of(*others, record(personas, persona))
    (outcome,) = await outcomes(everybody, token)
    assert isinstance(outcome, Verified)
    assert outcome.issuer == persona


@pytest.mark.anyio
async def test_groups_that_do_not_fit_are_fetched_from_graph_or_nobody_comes_in(personas: Told) -> None:
    token = answer(personas, "entra", "urn:test:user", "llm wide")["access_token"].encode()
    (outcome,) = await outcomes(verifier_of(record(personas, "entra")), token)
    assert isinstance(outcome, Deny)
    assert outcome.code == "groups_unavailable"
    graph = personas["entra"]["issuer"].partition(f"/{TENANT}")[0]
    asking = record(personas, "entra", client_id="cli", client_secret="s", graph_uri=graph)
    (outcome,) = await outcomes(verifier_of(asking), token)
    assert isinstance(outcome, Verified)
    assert len(outcome.principal.groups) == 250


@pytest.mark.anyio
async def test_the_slash_at_the_end_of_auth0s_issuer_counts(personas: Told) -> None:
    token = answer(personas, "auth0", "urn:test:user")["access_token"].encode()
    other = record(personas, "auth0", profile="generic", issuer=personas["auth0"]["issuer"].rstrip("/"))
    (outcome,) = await outcomes(verifier_of(other), token)
    assert isinstance(outcome, Deny)
