"""Our own access tokens at a resource."""

import json
from typing import Any

import pytest
from joserfc import jwk, jwt

from entresol.core.decision import Deny
from entresol.identity.jwt_results import Verified
from entresol.identity.own_access import OwnTokens
from unit.identity.people import GATEWAY, NOW

KEY = jwk.generate_key("EC", "P-256", parameters={"kid": "k1"})
OTHER = jwk.generate_key("EC", "P-256", parameters={"kid": "k1"})
MODELS = "https://gateway.example/v1"
CLAIMS = {
    "iss": GATEWAY, "sub": "u-ada", "aud": MODELS, "exp": NOW + 600, "iat": NOW, "jti": "t1", "client_id": "app",
    "scope": "llm mcp", "org": "org", "groups": ["a", 1], "auth_time": NOW - 5, "acr": "x",
    "act": {"sub": "s-bot"}, "impersonator": "u-root",
}  # fmt: skip


def own() -> OwnTokens:
    public = jwk.import_key(json.loads(json.dumps(KEY.as_dict(private=False))))
    return OwnTokens(GATEWAY, {"k1": public}, frozenset((MODELS,)))


def token(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "k1"} | (header or {}), said, key)


def test_a_token_of_ours_says_who_is_asking() -> None:
    found = own().check(token(), NOW)
    assert isinstance(found, Verified)
    principal = found.principal
    assert principal.key == ("org", GATEWAY, "u-ada")
    assert (principal.account, principal.client, principal.token_id) == ("u-ada", "app", "t1")
    assert principal.scopes == {"llm", "mcp"}
    assert principal.groups == {"a"}
    assert [actor.subject for actor in principal.actors] == ["s-bot"]
    assert (principal.impersonator, principal.auth_time, principal.expires_at) == ("u-root", NOW - 5, NOW + 600)
    assert (found.issued_at, found.bound_to) == (NOW, "")


def test_a_bound_token_says_to_which_key() -> None:
    found = own().check(token(cnf={"jkt": "abc"}), NOW)
    assert isinstance(found, Verified)
    assert found.bound_to == "jkt:abc"


@pytest.mark.parametrize(
    "forged",
    [
        token(key=OTHER),
        token(header={"kid": "k2"}),
        token(header={"typ": "JWT"}),
        token(header={"typ": "dpop+jwt"}),
        token(iss="https://other.example"),
        token(sub=""),
        token(org=""),
        token(aud="https://elsewhere.example"),
        token(aud=None),
        token(exp=NOW),
        token(exp=None),
        token(exp="soon"),
        token(iat=None),
        token()[:-3],
        "",
        "a.b.c",
    ],
)
def test_anything_else_is_refused(forged: str) -> None:
    found = own().check(forged, NOW)
    assert isinstance(found, Deny)
    assert (found.status, found.code) == (401, "invalid_token")


def test_whose_token_it_is_can_be_seen_before() -> None:
    assert own().is_ours(token())
    assert not own().is_ours(token(iss="https://other.example"))
    assert not own().is_ours("esk_u_x")


@pytest.mark.parametrize(
    "text", ["", ".", "a.b", "..", "x.%.y", "x.e30.y", "x.W10.y", "x.eyJpc3MiOjF9.y", "x." + "A" * 9, "x.é.y"]
)
def test_what_says_no_issuer_is_not_ours(text: str) -> None:
    assert not own().is_ours(text)


def test_ours_is_what_names_us_as_its_issuer() -> None:
    assert own().is_ours(token())
    assert not own().is_ours(token(iss="https://other.example"))
