"""What the authorization endpoint decides."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.authorize import (
    AnswerError,
    PageError,
    Parameters,
    Pending,
    approve,
    begin,
    deny,
    grant,
    is_trusted,
    next_step,
    pending,
    read_request,
)
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.redirects import matching_redirect
from entresol.identity.oauth.scopes import SCOPES
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, AuthorizationRequest, Consent
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import (
    CHALLENGE,
    ISSUER,
    LLM,
    MCP,
    NATIVE,
    NOW,
    RESOURCES,
    SETTINGS,
    WEB,
    answered,
    asking,
    session,
    world,
)


def begun(records: MemoryRecords, parameters: Parameters, now: int = NOW) -> Pending:
    return begin(records, SETTINGS, RESOURCES, parameters, now)


def refused(parameters: Parameters, client: OAuthClient = WEB) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        begun(world(client), parameters)
    return caught.value


def test_a_request_is_kept_as_it_is_under_a_handle_of_which_only_the_digest_is_known() -> None:
    records = world()
    waiting = begun(
        records,
        [
            *asking(nonce="n", prompt="consent", max_age="60", login_hint="ada@x.example", dpop_jkt=CHALLENGE),
            ("resource", LLM.url),
            ("resource", MCP.url + "/"),
        ],
    )
    kept = records.need(AuthorizationRequest, handle_digest(waiting.handle))
    assert kept == waiting.request
    assert waiting.handle not in repr(kept)
    assert (kept.client, kept.redirect_uri, kept.is_redirect_given) == ("web", "https://app.example/cb", True)
    assert (kept.scopes, kept.state, kept.nonce, kept.prompt) == (("llm",), "s1", "n", "consent")
    assert (kept.max_age, kept.login_hint, kept.code_challenge) == (60, "ada@x.example", CHALLENGE)
    assert kept.resources == (LLM.url, MCP.url)
    assert kept.dpop_thumbprint == CHALLENGE
    assert kept.expires_at == NOW + SETTINGS.request_lifetime_s


@pytest.mark.parametrize(
    "parameters",
    [
        [],
        asking(client_id=None),
        asking(client_id=""),
        asking(client_id="nobody"),
        [*asking(), ("client_id", "native")],
        [*asking(), ("client_id", "web")],
        asking(redirect_uri="https://evil.example/cb"),
        asking(redirect_uri="https://app.example/cb/"),
        asking(redirect_uri="https://app.example/cb#x"),
        asking(redirect_uri="https://app.example@evil.example/cb"),
        [*asking(), ("redirect_uri", "https://app.example/cb")],
        [*asking(), ("redirect_uri", "https://evil.example/cb")],
        asking(NATIVE, redirect_uri=None),
        asking(client_id="off"),
    ],
)
def test_what_is_wrong_with_client_or_redirect_uri_is_never_sent_anywhere(parameters: Parameters) -> None:
    records = world(WEB, NATIVE, msgspec.structs.replace(WEB, id="off", is_enabled=False))
    with pytest.raises(PageError):
        begun(records, [*parameters, ("scope", "nonsense")])
    assert records.count(AuthorizationRequest) == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "a"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + "+"}, "invalid_request"),
        ({"scope": "admin:read"}, "invalid_scope"),
        ({"scope": "a\\b"}, "invalid_scope"),
        ({"scope": "address"}, "invalid_scope"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": LLM.url + "#x"}, "invalid_target"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "shout"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 1025}, "invalid_request"),
        ({"login_hint": "a\nb"}, "invalid_request"),
        ({"dpop_jkt": "x"}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_the_rest_is_sent_to_the_client_with_state_and_issuer(
    changes: dict[str, str | None], error: str
) -> None:
    refusal = refused(asking(**changes))
    assert refusal.error == error
    answer = answered(refusal.location(ISSUER))
    assert refusal.location(ISSUER).startswith("https://app.example/cb?")
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s1", ISSUER)
    assert "code" not in answer


@pytest.mark.parametrize("name", ["scope", "state", "code_challenge", "response_type", "nonce", "prompt"])
def test_a_parameter_that_comes_twice_is_refused(name: str) -> None:
    refusal = refused([*asking(nonce="n", prompt="login"), (name, "llm")])
    assert refusal.error == "invalid_request"
    assert (refusal.state is None) == (name == "state")


def test_a_state_that_is_too_long_is_not_sent_back() -> None:
    refusal = refused(asking(state="s" * 2049))
    assert refusal.state is None


def test_parameters_without_a_value_count_as_left_out() -> None:
    kept = begun(world(), asking(scope="", nonce="", prompt="", max_age="", redirect_uri="")).request
    assert (kept.scopes, kept.nonce, kept.prompt, kept.max_age) == (("llm",), None, "", None)
    assert (kept.redirect_uri, kept.is_redirect_given) == ("https://app.example/cb", False)


def test_the_scope_of_a_request_without_one_is_what_its_resource_needs() -> None:
    kept = begun(world(), asking(scope=None, resource=MCP.url)).request
    assert kept.scopes == ("mcp",)


def test_a_client_asks_for_tokens_for_its_own_resources_only() -> None:
    bound = msgspec.structs.replace(WEB, audiences=(MCP.url,))
    assert refused(asking(resource=LLM.url), bound).error == "invalid_target"
    assert begun(world(bound), asking(resource=MCP.url)).request.resources == (MCP.url,)


def test_a_client_without_the_grant_may_not_ask() -> None:
    machine = msgspec.structs.replace(WEB, grant_types=("client_credentials",))
    assert refused(asking(), machine).error == "unauthorized_client"
    silent = msgspec.structs.replace(WEB, response_types=())
    assert refused(asking(), silent).error == "unauthorized_client"


def test_a_client_that_has_to_push_may_not_ask_by_the_browser() -> None:
    pushing = msgspec.structs.replace(WEB, requires_par=True)
    assert refused(asking(), pushing).error == "invalid_request"


def test_who_has_not_signed_in_signs_in_first_and_is_then_asked() -> None:
    records = world()
    waiting = begun(records, asking())
    assert next_step(records, waiting, None) == "sign-in"
    assert next_step(records, waiting, session()) == "consent"


@pytest.mark.parametrize(
    ("changes", "auth_time", "step"),
    [
        ({}, NOW - 9999, "consent"),
        ({"max_age": "60"}, NOW - 60, "consent"),
        ({"max_age": "60"}, NOW - 61, "sign-in"),
        ({"max_age": "0"}, NOW - 1, "sign-in"),
        ({"max_age": "0"}, NOW, "consent"),
        ({"prompt": "login"}, NOW - 1, "sign-in"),
        ({"prompt": "login"}, NOW + 5, "consent"),
        ({"prompt": "select_account"}, NOW - 1, "sign-in"),
        ({"prompt": "login consent"}, NOW - 1, "sign-in"),
    ],
)
def test_a_sign_in_is_as_fresh_as_is_asked_for(changes: dict[str, str | None], auth_time: int, step: str) -> None:
    records = world()
    waiting = begun(records, asking(**changes))
    assert next_step(records, waiting, session(auth_time=auth_time)) == step


def test_without_a_prompt_nobody_sees_a_page() -> None:
    records = world()
    waiting = begun(records, asking(prompt="none"))
    old = begun(records, asking(prompt="none", max_age="1"))
    for asked, now_signed_in, error in (
        (waiting, None, "login_required"),
        (old, session(), "login_required"),
        (waiting, session(), "consent_required"),
    ):
        with pytest.raises(AnswerError) as caught:
            next_step(records, asked, now_signed_in)
        assert caught.value.error == error
    approve(records, SETTINGS, begun(records, asking()), session(), NOW)
    assert "code" in answered(grant(records, SETTINGS, waiting, session(), NOW))


def test_an_approval_is_recorded_and_gives_a_code_of_which_only_the_digest_is_kept() -> None:
    records = world()
    waiting = begun(records, [*asking(nonce="n"), ("resource", LLM.url)])
    answer = answered(approve(records, SETTINGS, waiting, session(), NOW))
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("s1", ISSUER)
    code = records.need(AuthorizationCode, handle_digest(answer["code"]))
    assert answer["code"] not in repr(code)
    assert (code.client, code.user, code.redirect_uri) == ("web", "ada", "https://app.example/cb")
    assert (code.scopes, code.resources, code.nonce) == (("llm",), (LLM.url,), "n")
    assert (code.code_challenge, code.organisation) == (CHALLENGE, "org")
    assert (code.auth_time, code.acr, code.groups) == (NOW - 100, "urn:x", ("g",))
    assert (code.issuer, code.session, code.expires_at) == ("https://idp.example", "session", NOW + 60)
    assert records.count(Consent, user="ada", client="web") == 1


def test_a_request_gives_one_code_and_is_over() -> None:
    records = world()
    waiting = begun(records, asking())
    approve(records, SETTINGS, waiting, session(), NOW)
    with pytest.raises(PageError):
        approve(records, SETTINGS, waiting, session(), NOW)
    with pytest.raises(PageError):
        pending(records, waiting.handle, NOW)
    assert records.count(AuthorizationCode) == 1


def test_a_request_that_nobody_finished_in_time_is_over() -> None:
    records = world()
    waiting = begun(records, asking())
    with pytest.raises(PageError):
        pending(records, waiting.handle, NOW + 600)
    with pytest.raises(PageError):
        approve(records, SETTINGS, waiting, session(), NOW + 600)


def test_nothing_is_granted_while_something_is_left_to_ask() -> None:
    records = world()
    waiting = begun(records, asking())
    with pytest.raises(AnswerError) as caught:
        grant(records, SETTINGS, waiting, session(), NOW)
    assert caught.value.error == "access_denied"
    fresh = begun(records, asking(prompt="login"))
    with pytest.raises(PageError):
        approve(records, SETTINGS, fresh, session(), NOW)
    assert records.count(AuthorizationCode) == 0


def test_a_refusal_is_told_to_the_client_and_ends_the_request() -> None:
    records = world()
    waiting = begun(records, asking())
    answer = answered(deny(records, waiting).location(ISSUER))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s1", ISSUER)
    assert records.count(AuthorizationRequest) == 0


@pytest.mark.parametrize(
    "user",
    [
        User(id="bob", organisation="org", username="bob", is_active=False),
        User(id="bob", organisation="elsewhere", username="bob"),
        None,
    ],
)
def test_who_is_not_active_or_of_another_organisation_gets_nothing(user: User | None) -> None:
    records = world(msgspec.structs.replace(WEB, organisation="org"))
    if user is not None:
        records.insert(user)
    waiting = begun(records, asking())
    with pytest.raises(AnswerError) as caught:
        next_step(records, waiting, session(user="bob"))
    assert caught.value.error == "access_denied"


def test_an_administrator_who_acts_as_somebody_leaves_no_consent_and_marks_the_code() -> None:
    records = world()
    location = approve(records, SETTINGS, begun(records, asking()), session(impersonator="root"), NOW)
    code = records.need(AuthorizationCode, handle_digest(answered(location)["code"]))
    assert code.impersonator == "root"
    assert records.count(Consent) == 0


def test_a_redirect_uri_that_the_client_took_back_meanwhile_gets_no_code() -> None:
    records = world()
    waiting = begun(records, asking())
    client = records.replace(
        msgspec.structs.replace(records.need(OAuthClient, "web"), redirect_uris=("https://new.example/cb",))
    )
    with pytest.raises(PageError):
        approve(records, SETTINGS, msgspec.structs.replace(waiting, client=client), session(), NOW)


def test_only_clients_of_administrators_are_answered_before_anybody_signs_in() -> None:
    assert is_trusted(WEB)
    assert not is_trusted(msgspec.structs.replace(WEB, source="registered"))
    assert not is_trusted(msgspec.structs.replace(WEB, source="metadata"))


def test_reading_a_request_keeps_nothing() -> None:
    request = read_request(NATIVE, RESOURCES, asking(NATIVE, redirect_uri="http://127.0.0.1:5/cb"))
    assert (request.id, request.expires_at, request.redirect_uri) == ("", 0, "http://127.0.0.1:5/cb")


NAMES = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "nonce",
    "prompt",
    "max_age",
    "request",
    "request_uri",
    "id_token_hint",
    "dpop_jkt",
)
VALUES = st.one_of(
    st.sampled_from([value for _, value in (*asking(), *asking(NATIVE))]),
    st.sampled_from(["https://evil.example/cb", "http://127.0.0.1:7/cb", "com.example.app:/cb", "none", "60", LLM.url]),
    st.text(max_size=30),
)
CHANGES = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4)


@given(st.sampled_from([WEB, NATIVE]), st.lists(st.sampled_from(NAMES), max_size=3), CHANGES)
def test_whatever_is_asked_no_answer_goes_where_the_client_has_not_registered(
    client: OAuthClient, left_out: list[str], added: list[tuple[str, str]]
) -> None:
    records = world()
    parameters = [*(pair for pair in asking(client) if pair[0] not in left_out), *added]
    try:
        waiting = begun(records, parameters)
        redirect_uri, named, state = waiting.request.redirect_uri, waiting.client, waiting.request.state
        assert waiting.request.code_challenge
        assert set(waiting.request.scopes) <= {name for name in SCOPES if not name.startswith("admin")}
    except PageError:
        return
    except AnswerError as error:
        redirect_uri, named, state = error.redirect_uri, error.client, error.state
    assert matching_redirect(redirect_uri, named.redirect_uris, is_native=named.is_native) is not None
    assert [value for name, value in parameters if name == "client_id"] == [named.id]
    states = [value for name, value in parameters if name == "state" and value]
    assert state in (None, *states)
