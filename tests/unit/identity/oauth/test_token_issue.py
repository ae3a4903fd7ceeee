"""What grants end in."""

from entresol.identity.oauth.access_tokens import Authority
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.token_issue import first_refresh_token, issue
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import RefreshToken
from unit.identity.oauth.keys import EC
from unit.identity.oauth.token_scene import LLM, MCP, NOW, Scene

AUTHORITY = Authority(
    subject="ada", organisation="org", client_id="app", scopes=("openid", "llm"), audiences=(LLM,), family="f"
)


def test_a_proof_makes_the_token_worth_nothing_without_its_key() -> None:
    scene = Scene()
    plain = issue(scene.records, scene.context(), scene.request("app"), AUTHORITY)
    bound = issue(scene.records, scene.context(), scene.request("app", key=EC), AUTHORITY)
    assert (plain["token_type"], bound["token_type"]) == ("Bearer", "DPoP")
    assert "cnf" not in scene.claims(plain["access_token"])
    assert scene.claims(bound["access_token"])["cnf"] == {"jkt": EC.thumbprint()}


def test_only_users_who_granted_openid_have_an_id_token() -> None:
    scene = Scene()
    ada = scene.records.need(User, "ada")
    request = scene.request("app")
    assert "id_token" in issue(scene.records, scene.context(), request, AUTHORITY, user=ada)
    assert "id_token" not in issue(scene.records, scene.context(), request, AUTHORITY)


def test_a_refresh_token_is_kept_as_its_digest_with_all_that_was_granted() -> None:
    scene = Scene()
    client = scene.records.need(OAuthClient, "app")
    token = first_refresh_token(
        scene.records, scene.context(), scene.request("app"), client, AUTHORITY, resources=(LLM, MCP), issuer="i"
    )
    kept = scene.records.need(RefreshToken, handle_digest(token))
    assert token not in repr(kept)
    assert (kept.family, kept.resources, kept.scopes, kept.issuer) == ("f", (LLM, MCP), ("openid", "llm"), "i")
    assert (kept.expires_at, kept.family_ends_at) == (NOW + 1_209_600, NOW + 7_776_000)


def test_a_client_that_does_not_refresh_gets_no_refresh_token() -> None:
    scene = Scene()
    client = OAuthClient(id="c", name="c", grant_types=("authorization_code",))
    request = scene.request(None)
    made = first_refresh_token(scene.records, scene.context(), request, client, AUTHORITY, resources=(), issuer="")
    assert made == ""
    assert scene.records.count(RefreshToken) == 0


def test_who_acts_as_somebody_else_gets_no_refresh_token() -> None:
    scene = Scene()
    answer = scene.signed_in(impersonator="root")
    assert scene.claims(answer["access_token"])["impersonator"] == "root"
    assert "refresh_token" not in answer
