"""Pushed authorization requests."""

import msgspec
import pytest

from entresol.identity.oauth.authorize import REQUEST_URI_PREFIX, PageError, begin, next_step, pending
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.pushed import push
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationRequest
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import CHALLENGE, NATIVE, NOW, RESOURCES, SETTINGS, WEB, asking, session, world


def pushed(records: MemoryRecords, client: OAuthClient = WEB, thumbprint: str = "", /, **changes: str | None) -> str:
    answer = push(records, SETTINGS, RESOURCES, client, asking(client, **changes), NOW, dpop_thumbprint=thumbprint)
    assert answer["expires_in"] == 90
    return str(answer["request_uri"])


def used(records: MemoryRecords, uri: str, client_id: str = "web", now: int = NOW) -> AuthorizationRequest:
    parameters = [("client_id", client_id), ("request_uri", uri), ("scope", "mcp"), ("state", "other")]
    return begin(records, SETTINGS, RESOURCES, parameters, now).request


def test_a_pushed_request_is_taken_as_it_was_pushed_whatever_the_browser_adds() -> None:
    records = world()
    request = used(records, pushed(records, scope="llm openid"))
    assert (request.scopes, request.state) == (("llm", "openid"), "s1")
    assert not request.is_pushed
    assert request.expires_at == NOW + SETTINGS.request_lifetime_s


def test_it_is_good_for_clients_that_have_to_push() -> None:
    pushing = msgspec.structs.replace(WEB, requires_par=True)
    records = world(pushing)
    assert used(records, pushed(records, pushing)).client == "web"


def test_a_request_uri_is_good_once_for_its_own_client_and_in_time() -> None:
    records = world()
    uri = pushed(records)
    assert uri.startswith(REQUEST_URI_PREFIX)
    for client_id, now in (("native", NOW), ("web", NOW + 90)):
        with pytest.raises(PageError):
            used(records, uri, client_id, now)
    used(records, uri)
    for again in (uri, REQUEST_URI_PREFIX + "made-up"):
        with pytest.raises(PageError) as caught:
            used(records, again)
        assert caught.value.error == "invalid_request_uri"


def test_a_request_uri_is_no_handle_of_a_page_and_a_handle_is_no_request_uri() -> None:
    records = world()
    uri = pushed(records)
    for handle in (uri, uri.removeprefix(REQUEST_URI_PREFIX)):
        with pytest.raises(PageError):
            pending(records, handle, NOW)
    waiting = begin(records, SETTINGS, RESOURCES, asking(), NOW)
    assert next_step(records, waiting, session()) == "consent"
    for handle in (waiting.handle, REQUEST_URI_PREFIX + waiting.handle):
        with pytest.raises(OAuthError):
            used(records, handle)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request_uri": REQUEST_URI_PREFIX + "x"}, "invalid_request"),
        ({"client_id": "native"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": "admin:*"}, "invalid_scope"),
        ({"request": "x"}, "request_not_supported"),
    ],
)
def test_a_bad_request_is_refused_when_it_is_pushed(changes: dict[str, str | None], error: str) -> None:
    records = world()
    with pytest.raises(OAuthError) as caught:
        pushed(records, **changes)
    assert type(caught.value) is OAuthError
    assert caught.value.error == error
    assert records.count(AuthorizationRequest) == 0


def test_client_id_may_be_left_out_by_who_has_authenticated() -> None:
    records = world()
    assert used(records, pushed(records, client_id=None)).client == "web"


def test_the_key_of_the_proof_is_bound_to_the_code() -> None:
    records = world()
    assert used(records, pushed(records, WEB, CHALLENGE)).dpop_thumbprint == CHALLENGE
    assert used(records, pushed(records, WEB, CHALLENGE, dpop_jkt=CHALLENGE)).dpop_thumbprint == CHALLENGE
    with pytest.raises(OAuthError) as caught:
        pushed(records, NATIVE, CHALLENGE, dpop_jkt="A" * 43)
    assert caught.value.error == "invalid_dpop_proof"
