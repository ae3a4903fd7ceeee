"""Okta's tokens."""

import pytest

from entresol.identity.profiles.okta import Okta
from entresol.identity.profiles.reading import ClaimFault
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Okta()
CUSTOM = "https://acme.okta.com/oauth2/default"
USER = {"sub": "ada@acme.org", "uid": "00u1", "cid": "0oa1", "scp": ["llm", "openid"], "groups": ["Everyone"]}


def test_a_person_is_uid_and_not_the_login_which_changes() -> None:
    expected = Told("00u1", "user", "0oa1", ("llm", "openid"), ("Everyone",), (), "ada@acme.org")
    assert told(PROFILE, USER) == expected


def test_a_program_is_its_client() -> None:
    assert told(PROFILE, {"sub": "0oa1", "cid": "0oa1", "scp": ["llm"]}) == Told("0oa1", "service", "0oa1", ("llm",))


def test_in_an_id_token_the_subject_is_the_same_id() -> None:
    assert PROFILE.subject({"sub": "00u1"}) == "00u1"
    assert PROFILE.kind({"sub": "00u1"}, "user") == "user"


def test_a_login_without_uid_names_nobody() -> None:
    with pytest.raises(ClaimFault, match="uid"):
        PROFILE.subject({"sub": "ada@acme.org", "cid": "0oa1"})


def test_tokens_of_the_org_authorization_server_are_refused() -> None:
    org = issuer(profile="okta", issuer="https://acme.okta.com", purpose="tokens")
    assert "org authorization server" in PROFILE.faults(org)[0]
    assert "org authorization server" not in "".join(PROFILE.faults(issuer(issuer=org.issuer, purpose="sign-in")))
    assert PROFILE.refusal(org, USER)
    assert PROFILE.refusal(issuer(issuer=CUSTOM), USER) == ""
    assert PROFILE.refusal(issuer(issuer=CUSTOM), {"sub": "00u1"})


def test_the_issuer_has_no_slash_at_its_end() -> None:
    assert PROFILE.faults(issuer(issuer=CUSTOM + "/"))
    assert PROFILE.faults(issuer(issuer=CUSTOM)) == ()
