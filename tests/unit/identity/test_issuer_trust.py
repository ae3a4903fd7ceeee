"""Records of issuers, and what is wrong with them."""

from typing import Any

import pytest

from entresol.identity.issuer_trust import TrustedIssuers, issuer_faults, issuer_warnings, key_source
from entresol.identity.jwks import KeyCaches
from entresol.identity.records.issuers import ClaimMapping
from unit.identity.issuing import AUDIENCE, issuer

TENANT = "11111111-2222-3333-4444-555555555555"


def test_a_good_record_has_no_faults() -> None:
    assert issuer_faults(issuer()) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"algorithms": ("RS256", "HS256")}, "algorithms"),
        ({"algorithms": ("none",)}, "algorithms"),
        ({"algorithms": ()}, "algorithms"),
        ({"clock_skew_s": 61}, "clock_skew_s"),
        ({"clock_skew_s": -1}, "clock_skew_s"),
        ({"issuer": "idp.example"}, "issuer"),
        ({"issuer": "https://user@idp.example"}, "issuer"),
        ({"issuer": "https://idp.example/#f"}, "issuer"),
        ({"issuer": "https://idp.example|x"}, "issuer"),
        ({"issuer": "https://[::1"}, "issuer"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks": "{}"}, "jwks"),
        ({"profile": "auth0"}, "issuer"),
        ({"profile": "okta", "purpose": "tokens"}, "issuer"),
        ({"profile": "entra"}, "issuer"),
        ({"mapping": ClaimMapping(admit="claims.x ==")}, "mapping.admit"),
        ({"mapping": ClaimMapping(roles=(("true", "a"), ("nope", "b")))}, "mapping.roles[1]"),
        ({"mapping": ClaimMapping(teams=(("(", "a"),))}, "mapping.teams[0]"),
        ({"mapping": ClaimMapping(attributes=(("department", "claims.["),))}, "mapping.attributes[0]"),
    ],
)
def test_mistakes_are_told_with_their_field(changes: dict[str, Any], field: str) -> None:
    assert field in [fault.field for fault in issuer_faults(issuer(**changes))]


def test_mistakes_in_expressions_have_their_place() -> None:
    (fault,) = issuer_faults(issuer(mapping=ClaimMapping(admit="true &&\n  nobody")))
    assert (fault.line, fault.column) == (2, 3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": "http://idp.example"}, "issuer"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "jwks_uri"),
        ({"profile": "google", "issuer": "https://accounts.google.com"}, "mapping.admit"),
        ({"audiences": ()}, "audiences"),
        ({"audiences": ("web",), "client_id": "web"}, "audiences"),
    ],
)
def test_what_deserves_a_look_is_told(changes: dict[str, Any], field: str) -> None:
    (warning,) = issuer_warnings(issuer(**changes))
    assert warning.startswith(f"{field}: ")
    assert issuer_warnings(issuer()) == issuer_warnings(issuer(issuer="http://127.0.0.1:9")) == ()
    assert issuer_warnings(issuer(purpose="sign-in", audiences=())) == ()


def test_saml_providers_have_no_keys_of_this_kind() -> None:
    assert issuer_faults(issuer(protocol="saml", issuer="urn:idp", algorithms=())) == ()


def test_tokens_of_many_tenants_are_found_by_the_template() -> None:
    record = issuer(profile="entra", issuer="https://login.microsoftonline.com/common/v2.0", audiences=(AUDIENCE,))
    trusted = TrustedIssuers((record,), KeyCaches())
    for name in (f"https://login.microsoftonline.com/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/"):
        assert [found.record.id for found in trusted.named(name)] == [record.id]
    assert trusted.named("https://login.microsoftonline.com/evil/v2.0") == []
    source = key_source(record)
    assert source.issuer == record.issuer
    assert source.names_itself == "https://login.microsoftonline.com/{tenantid}/v2.0"


def test_the_skew_stays_within_a_minute_whatever_the_record_says() -> None:
    trusted = TrustedIssuers((issuer(clock_skew_s=30),), KeyCaches())
    assert trusted.by_id["iss-1"].skew_s == 30
