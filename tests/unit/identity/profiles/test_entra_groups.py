"""Groups that do not fit into a token are asked for, and nobody comes in with a part of them."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from entresol.core.decision import Deny
from entresol.core.fetching import FetchResponse
from entresol.identity.jwt_results import NeedGroups, Verified
from entresol.identity.profiles.entra_groups import LIFE_S, RETRY_S, GroupSource, MissingGroups
from unit.identity.issuing import NOW, Web, checked, claims, issuer, run, sign, verifier
from unit.identity.profiles.test_entra import APP, HOST, PERSON, TENANT, USER, V1

TOKEN_URL = f"{HOST}/{TENANT}/oauth2/v2.0/token"
MEMBERS_URL = f"https://graph.microsoft.com/v1.0/users/{PERSON}/getMemberObjects"
RECORD = issuer(profile="entra", issuer=USER["iss"], audiences=(APP,), client_id="cli", client_secret="s3cret")
OVERAGE: dict[str, Any] = claims(
    **USER
    | {"aud": APP, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://evil.example"}}}
)


def web(**pages: object) -> Web:
    whole = {
        TOKEN_URL: {"access_token": "graph-token", "expires_in": 3600, "token_type": "Bearer"},
        MEMBERS_URL: {"value": ["g1", "g2"]},
    }
    return Web(whole | {{"token": TOKEN_URL, "members": MEMBERS_URL}[name]: page for name, page in pages.items()})


def test_groups_are_asked_of_graph_and_become_the_principals() -> None:
    subject, pages = verifier(RECORD), web()
    outcome = checked(subject, sign(OVERAGE), pages)
    assert isinstance(outcome, Verified)
    assert outcome.principal.groups == frozenset(("g1", "g2"))
    assert pages.urls == [TOKEN_URL, MEMBERS_URL]  # and not what the token says
    form = parse_qs(pages.asked[0].body.decode())
    assert (form["scope"], form["client_id"]) == (["https://graph.microsoft.com/.default"], ["cli"])
    assert ("authorization", "Bearer graph-token") in pages.asked[1].headers


def test_groups_are_kept_for_a_while_and_then_asked_for_again_with_the_same_credential() -> None:
    subject, pages = verifier(RECORD), web()
    checked(subject, sign(OVERAGE), pages)
    assert isinstance(subject.check(sign(OVERAGE), NOW + LIFE_S - 1), Verified)
    again = sign(OVERAGE | {"exp": NOW + 9000})
    assert isinstance(subject.check(again, NOW + LIFE_S), NeedGroups)
    checked(subject, again, pages, NOW + LIFE_S)
    assert pages.urls == [TOKEN_URL, MEMBERS_URL, MEMBERS_URL]


@pytest.mark.parametrize(
    "pages",
    [
        {"token": "no route"},
        {"token": FetchResponse(status=401)},
        {"token": {"token_type": "Bearer"}},
        {"token": {"access_token": "a\r\nb"}},
        {"members": "no route"},
        {"members": FetchResponse(status=403)},
        {"members": FetchResponse(status=302, headers={"location": "https://evil.example"})},
        {"members": {"value": ["g1"], "@odata.nextLink": "https://graph.microsoft.com/next"}},
        {"members": {"value": ["g1", 2]}},
        {"members": {}},
        {"members": b"<html>"},
    ],
    ids=str,
)
def test_without_the_whole_list_nobody_comes_in(pages: dict[str, object]) -> None:
    subject = verifier(RECORD)
    outcome = checked(subject, sign(OVERAGE), web(**pages))
    assert isinstance(outcome, Deny)
    assert (outcome.status, outcome.code) == (503, "groups_unavailable")
    assert "s3cret" not in outcome.message
    assert isinstance(subject.check(sign(OVERAGE), NOW + RETRY_S - 1), Deny)
    assert isinstance(subject.check(sign(OVERAGE), NOW + RETRY_S), NeedGroups)


def test_known_groups_do_not_outlive_their_time_when_graph_is_down() -> None:
    subject = verifier(RECORD)
    token = sign(OVERAGE | {"exp": NOW + 9000})
    checked(subject, token, web())
    assert isinstance(checked(subject, token, web(members="down"), NOW + LIFE_S), Deny)


def test_a_refused_credential_is_not_used_again() -> None:
    subject, pages = verifier(RECORD), web(members=FetchResponse(status=401))
    checked(subject, sign(OVERAGE), pages)
    pages.pages[MEMBERS_URL] = {"value": ["g1"]}
    assert isinstance(checked(subject, sign(OVERAGE), pages, NOW + RETRY_S), Verified)
    assert pages.urls.count(TOKEN_URL) == 2


def test_programs_are_asked_for_as_programs_and_in_their_own_cloud() -> None:
    host = "https://login.microsoftonline.us"
    record = issuer(profile="entra", issuer=f"{host}/{TENANT}/v2.0", client_id="cli", client_secret="s")
    program = {"tid": TENANT, "oid": PERSON, "azp": APP, "idtyp": "app"}
    missing = GroupSource().of(record, program, NOW)
    assert isinstance(missing, MissingGroups)
    assert missing.start is not None
    pages = Web({f"{host}/{TENANT}/oauth2/v2.0/token": {"access_token": "t"}})
    run(missing.start(), pages)
    assert pages.urls[1] == f"https://graph.microsoft.us/v1.0/servicePrincipals/{PERSON}/getMemberObjects"


@pytest.mark.parametrize(
    "record",
    [
        issuer(profile="entra", issuer=V1),
        issuer(profile="entra", issuer=f"https://other.example/{TENANT}/v2.0", client_id="c", client_secret="s"),
        issuer(),
    ],
)
def test_an_issuer_that_cannot_be_asked_lets_nobody_in(record: Any) -> None:
    missing = GroupSource().of(record, USER, NOW)
    assert isinstance(missing, MissingGroups)
    assert missing.start is None
    assert missing.why


def test_whose_groups_are_meant_must_be_certain() -> None:
    missing = GroupSource().of(RECORD, USER | {"oid": "../me"}, NOW)
    assert isinstance(missing, MissingGroups)
    assert missing.start is None
