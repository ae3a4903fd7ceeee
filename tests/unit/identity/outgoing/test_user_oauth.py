"""A user connects an account of theirs."""

import base64
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from entresol.core.errors import ClientError
from entresol.identity.outgoing.granted import Granted
from entresol.identity.outgoing.user_oauth import (
    attempt_of,
    begin,
    check_issuer,
    grant_id,
    keep,
    note_broken,
    redeem,
    renew,
)
from entresol.identity.records.upstreams import ConnectAttempt, UserGrant
from fake_records import MemoryRecords
from unit.identity.outgoing.asking import ADA, NOW, form_of, played, token_answer, upstream

AUTH = upstream(
    mode="user_oauth", resource="https://mcp.example/", extra_parameters=(("prompt", "consent"), ("state", "x"))
)
HERE = "https://gateway.example/connect/callback"
GRANTED = Granted(access_token="a1", refresh_token="r1", expires_at=NOW + 60, scopes=("repo",))


def begun(records: MemoryRecords) -> dict[str, str]:
    """The query that the browser is sent with."""
    url = begin(records, AUTH, ADA, "cookie", HERE, "/account", NOW)
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == AUTH.authorization_endpoint
    query = parse_qs(parts.query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def test_the_browser_goes_to_the_authorization_server_with_pkce() -> None:
    query = begun(MemoryRecords())
    assert query["response_type"] == "code"
    assert (query["client_id"], query["redirect_uri"]) == ("gate way", HERE)
    assert (query["scope"], query["resource"], query["prompt"]) == ("repo user", "https://mcp.example/", "consent")
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) >= 43


def test_an_endpoint_that_has_a_query_keeps_it() -> None:
    auth = replace(AUTH, authorization_endpoint="https://as.example/authorize?tenant=1")
    assert "?tenant=1&response_type=code&" in begin(MemoryRecords(), auth, ADA, "cookie", HERE, "", NOW)


def test_neither_state_nor_cookie_is_kept_as_it_is() -> None:
    records = MemoryRecords()
    query = begun(records)
    assert query["state"] not in str(records.tables)
    assert "cookie" not in str(records.tables)


def test_the_code_is_redeemed_with_the_verifier_of_the_challenge() -> None:
    records = MemoryRecords()
    query = begun(records)
    attempt = attempt_of(records, query["state"], "cookie", ADA, NOW + 5)
    assert attempt.return_to == "/account"
    granted, [request] = played(redeem(AUTH, attempt, "code1", HERE, NOW), token_answer())
    form = form_of(request)
    assert granted.access_token == "fresh"
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == ("authorization_code", "code1", HERE)
    challenge = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == query["code_challenge"]
    assert form["resource"] == "https://mcp.example/"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"browser": "another"}, "another browser"),
        ({"principal": replace(ADA, subject="eve")}, "another user"),
        ({"principal": replace(ADA, issuer="https://other.example")}, "another user"),
        ({"principal": replace(ADA, tenant="other")}, "another user"),
        ({"state": "guessed"}, "over"),
        ({"now": NOW + 600}, "over"),
    ],
)
def test_only_the_browser_and_the_user_that_began_may_end_it(changes: dict[str, Any], why: str) -> None:
    records = MemoryRecords()
    state = begun(records)["state"]
    known: dict[str, Any] = {"state": state, "browser": "cookie", "principal": ADA, "now": NOW}
    with pytest.raises(ClientError, match=why) as failed:
        attempt_of(records, **(known | changes))
    assert failed.value.code == "connect_refused"


def test_an_attempt_ends_once() -> None:
    records = MemoryRecords()
    state = begun(records)["state"]
    attempt_of(records, state, "cookie", ADA, NOW)
    with pytest.raises(ClientError):
        attempt_of(records, state, "cookie", ADA, NOW)
    assert records.count(ConnectAttempt) == 0


def test_an_answer_of_another_authorization_server_is_refused() -> None:
    check_issuer(AUTH, None)
    check_issuer(AUTH, "https://as.example")
    for other in ("https://as.example/", "https://AS.example", "https://evil.example"):
        with pytest.raises(ClientError, match="another authorization server"):
            check_issuer(AUTH, other)


def test_tokens_are_kept_for_each_user_and_a_refresh_token_that_is_not_replaced_stays() -> None:
    records = MemoryRecords()
    keep(records, AUTH, ADA, GRANTED)
    again = keep(records, AUTH, ADA, Granted(access_token="a2", expires_at=NOW + 99))
    assert (again.access_token, again.refresh_token, again.revision) == ("a2", "r1", 2)
    keep(records, AUTH, replace(ADA, subject="eve"), GRANTED)
    assert records.count(UserGrant) == 2


def test_a_grant_is_somebodys_at_one_issuer_of_one_tenant() -> None:
    others = [replace(ADA, tenant="x"), replace(ADA, issuer="x"), replace(ADA, subject="x")]
    assert len({grant_id("github", each) for each in [ADA, *others]} | {grant_id("gitlab", ADA)}) == 5


def test_a_token_is_renewed_by_the_refresh_token() -> None:
    grant = keep(MemoryRecords(), AUTH, ADA, GRANTED)
    granted, [request] = played(renew(replace(AUTH, extra_parameters=()), grant, NOW), token_answer(refresh_token="r2"))
    assert granted.refresh_token == "r2"
    assert form_of(request) == {
        "grant_type": "refresh_token", "refresh_token": "r1", "resource": "https://mcp.example/"
    }  # fmt: skip


def test_a_broken_grant_is_noted_unless_there_is_a_newer_one() -> None:
    records = MemoryRecords()
    old = keep(records, AUTH, ADA, GRANTED)
    keep(records, AUTH, ADA, GRANTED)
    note_broken(records, old)
    current = records.need(UserGrant, old.id)
    assert current.state == "good"
    note_broken(records, current)
    assert records.need(UserGrant, old.id).state == "broken"
    assert keep(records, AUTH, ADA, GRANTED).state == "good"
