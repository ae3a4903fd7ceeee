from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from entresol.app.login_commands import Begun, begin, poll, refresh, whoami_steps
from entresol.app.signed_in import SignedIn
from entresol.core.errors import ClientError
from entresol.core.fetching import FetchRequest, FetchResponse, Steps

URL = "https://gw.example"
BEGUN = Begun(device_code="d", user_code="ABCDEFGH", verification_uri=f"{URL}/device", expires_in=60)
LOGIN = SignedIn(access_token="at", refresh_token="rt", expires_at=0)


def driven(steps: Steps[Any], *answers: tuple[int, object]) -> tuple[list[FetchRequest], Any]:
    """The requests that a piece of work makes, and what it comes to."""
    asked = [next(steps)]
    for status, body in answers:
        try:
            asked.append(steps.send(FetchResponse(status=status, body=msgspec.json.encode(body))))
        except StopIteration as end:
            return asked, end.value
    raise AssertionError("it wants to ask more")


def test_it_asks_for_the_admin_api_as_a_device() -> None:
    [request], found = driven(begin(URL), (200, msgspec.to_builtins(BEGUN)))
    form = parse_qs(request.body.decode())
    assert (request.url, found.user_code) == (f"{URL}/device_authorization", "ABCDEFGH")
    assert form["resource"] == [f"{URL}/admin"]
    assert form["client_id"] == ["entresol-cli"]


@pytest.mark.parametrize("error", ["authorization_pending", "slow_down"])
def test_it_waits_until_somebody_has_decided(error: str) -> None:
    assert driven(poll(URL, BEGUN, 5), (400, {"error": error}))[1] == error


def test_a_token_is_a_login() -> None:
    answer = {"access_token": "at", "refresh_token": "rt", "expires_in": 600}
    assert driven(poll(URL, BEGUN, 5), (200, answer))[1].expires_at == 605
    [request], found = driven(refresh(URL, LOGIN, 5), (200, answer))
    assert parse_qs(request.body.decode())["refresh_token"] == ["rt"]
    assert found.access_token == "at"


@pytest.mark.parametrize(
    ("steps", "status", "body"),
    [
        (begin(URL), 400, {"error": "invalid_client"}),
        (poll(URL, BEGUN, 5), 400, {"error": "access_denied"}),
        (refresh(URL, LOGIN, 5), 400, {"error": "invalid_grant"}),
        (whoami_steps(URL, LOGIN), 401, {}),
        (begin(URL), 502, "<html>"),
    ],
    ids=["begin", "denied", "refresh", "whoami", "no JSON"],
)
def test_a_refusal_is_one_clear_line(steps: Steps[Any], status: int, body: object) -> None:
    with pytest.raises(ClientError) as caught:
        driven(steps, (status, body))
    assert caught.value.code == "login_failed"
    assert "at" not in caught.value.message.split()


def test_whoami_shows_its_token_to_the_gateway() -> None:
    [request], found = driven(whoami_steps(URL, LOGIN), (200, {"subject": "ada"}))
    assert (request.url, dict(request.headers)["authorization"]) == (f"{URL}/admin/v1/whoami", "Bearer at")
    assert found["subject"] == "ada"
