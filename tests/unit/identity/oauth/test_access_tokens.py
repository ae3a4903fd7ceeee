"""Access tokens and ID tokens."""

from typing import Any

import msgspec

from entresol.identity.oauth.access_tokens import Authority, mint_access_token, mint_id_token
from entresol.identity.oauth.signed_tokens import SignedToken, peek
from entresol.identity.oauth.signing_keys import active_key
from entresol.identity.records.accounts import User
from unit.identity.oauth.token_scene import ISSUER, LLM, MCP, NOW, Scene

AUTHORITY = Authority(
    subject="ada", organisation="org", client_id="app", scopes=("llm", "mcp"), audiences=(LLM,), auth_time=NOW - 5
)


def minted(scene: Scene, **changes: Any) -> tuple[SignedToken, int]:
    key = active_key(scene.records, scene.settings, NOW)
    made = mint_access_token(key, scene.context(), msgspec.structs.replace(AUTHORITY, **changes))
    return peek(made.token), made.expires_in


def test_an_access_token_is_that_of_rfc_9068() -> None:
    token, lifetime = minted(Scene())
    assert (token.header["typ"], token.header["alg"], lifetime) == ("at+jwt", "ES256", 600)
    assert len(token.claims.pop("jti")) >= 22
    assert token.claims == {
        "iss": ISSUER,
        "sub": "ada",
        "aud": LLM,
        "exp": NOW + 600,
        "iat": NOW,
        "client_id": "app",
        "scope": "llm mcp",
        "org": "org",
        "auth_time": NOW - 5,
    }


def test_what_is_known_beyond_that_has_a_claim() -> None:
    token, _ = minted(
        Scene(),
        audiences=(LLM, MCP),
        acr="mfa",
        groups=("g",),
        roles=("r",),
        family="f",
        session="s",
        act={"sub": "ci"},
        dpop_thumbprint="d",
        certificate_thumbprint="c",
        impersonator="root",
    )
    found = {name: token.claims[name] for name in ("aud", "acr", "groups", "roles", "fam", "sid", "act", "cnf")}
    assert found == {
        "aud": [LLM, MCP],
        "acr": "mfa",
        "groups": ["g"],
        "roles": ["r"],
        "fam": "f",
        "sid": "s",
        "act": {"sub": "ci"},
        "cnf": {"jkt": "d", "x5t#S256": "c"},
    }
    assert token.claims["impersonator"] == "root"


def test_a_token_ends_with_what_it_came_of() -> None:
    token, lifetime = minted(Scene(), ends_at=NOW + 30)
    assert (token.claims["exp"], lifetime) == (NOW + 30, 30)


def test_a_token_is_not_shown_by_accident() -> None:
    scene = Scene()
    made = mint_access_token(active_key(scene.records, scene.settings, NOW), scene.context(), AUTHORITY)
    assert made.token not in repr(made)


def test_no_two_tokens_are_equal() -> None:
    scene = Scene()
    assert minted(scene)[0].claims["jti"] != minted(scene)[0].claims["jti"]


def id_claims(*scopes: str) -> dict[str, Any]:
    scene = Scene()
    key = active_key(scene.records, scene.settings, NOW)
    authority = msgspec.structs.replace(AUTHORITY, scopes=scopes)
    user = scene.records.need(User, "ada")
    token = peek(mint_id_token(key, scene.context(), authority, user, nonce="n", access_token="t"))
    assert token.header["typ"] == "JWT"
    return token.claims


def test_an_id_token_says_as_much_as_the_scopes_allow() -> None:
    bare = id_claims("openid")
    assert bare == {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "app",
        "exp": NOW + 600,
        "iat": NOW,
        "at_hash": bare["at_hash"],
        "auth_time": NOW - 5,
        "nonce": "n",
    }
    assert id_claims("openid", "email").keys() - bare.keys() == {"email"}
    assert id_claims("openid", "profile").keys() - bare.keys() == {"name", "preferred_username"}


def test_the_hash_of_the_access_token_is_half_of_a_sha_256() -> None:
    assert id_claims("openid")["at_hash"] == "47mKTaMaEn1L3m5DAz9mug"  # of "t"
