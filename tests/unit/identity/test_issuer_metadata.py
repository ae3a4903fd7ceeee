"""Where an issuer's keys are, by its own word."""

import pytest

from entresol.core.fetching import FetchFailed, FetchResponse
from entresol.identity.issuer_metadata import discover, metadata_urls, origin_of
from unit.identity.issuing import ISSUER, Web, run

REALM = "https://idp.example/realms/r"


def test_both_places_are_known() -> None:
    assert metadata_urls(REALM) == (
        f"{REALM}/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server/realms/r",
    )
    assert metadata_urls("https://tenant.example/")[0] == "https://tenant.example/.well-known/openid-configuration"


@pytest.mark.parametrize("place", [0, 1])
def test_metadata_is_found_in_either_place(place: int) -> None:
    web = Web({metadata_urls(REALM)[place]: {"issuer": REALM, "jwks_uri": f"{REALM}/certs", "token_endpoint": "t"}})
    found = run(discover(REALM), web)
    assert (found.issuer, found.jwks_uri, found.text("token_endpoint")) == (REALM, f"{REALM}/certs", "t")
    assert found.text("jwks") == ""


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({"issuer": ISSUER + "/"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ([], "no JSON object"),
        (b"<html>", "no JSON object"),
        (b'{"issuer":"https://evil.example","issuer":"https://idp.example"}', "no JSON object"),
        (FetchResponse(status=302, headers={"location": "https://evil.example"}), "answered 302"),
        ("refused", "refused"),
    ],
)
def test_a_document_that_is_not_the_issuers_own_is_refused(page: object, why: str) -> None:
    web = Web({metadata_urls(ISSUER)[0]: page})
    with pytest.raises(FetchFailed, match=why):
        run(discover(ISSUER), web)


def test_an_issuer_of_many_tenants_may_name_itself_by_a_template() -> None:
    name = "https://login.example/{tenantid}/v2.0"
    web = Web({"https://login.example/common/v2.0/.well-known/openid-configuration": {"issuer": name}})
    assert run(discover("https://login.example/common/v2.0", name), web).issuer == name


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://idp.example/keys", "configured"),
        ("https://idp.example:8443/keys", "outside"),
        ("http://idp.example/keys", "outside"),
        ("https://idp.example@evil.example/keys", "outside"),
        ("https://10.0.0.1/keys", "outside"),
    ],
)
def test_only_the_issuers_own_places_are_as_trusted_as_it_is(url: str, origin: str) -> None:
    assert origin_of(url, ISSUER) == origin
