"""The authorization endpoint over HTTP."""

from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from entresol.identity.records.sessions import AuthorizationCode, AuthorizationRequest, Consent
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import ISSUER, NATIVE, WEB, answered, asking


def test_somebody_signs_in_agrees_and_the_client_gets_a_code() -> None:
    gateway = Gateway()
    to_sign_in = gateway.authorize(asking(login_hint="ada@x.example"), user="")
    assert to_sign_in.status_code == 303
    sign_in = parse_qs(urlsplit(to_sign_in.headers["location"]).query)
    assert (sign_in["hint"], sign_in["fresh"]) == (["ada@x.example"], ["0"])
    return_to = sign_in["to"][0]
    assert return_to.startswith("/authorize/resume?request=")
    page = gateway.get(return_to, user="ada")
    assert "Web app → app.example" in page.text
    done = gateway.decide(page)
    assert done.status_code == 303
    answer = answered(done.headers["location"])
    assert (answer["state"], answer["iss"]) == ("s1", ISSUER)
    assert gateway.records.count(AuthorizationCode) == 1


def test_who_has_agreed_before_is_not_asked_again() -> None:
    gateway = Gateway()
    gateway.decide(gateway.authorize(asking()))
    again = gateway.authorize(asking())
    assert again.status_code == 303
    assert "code" in answered(again.headers["location"])
    assert len(gateway.browser.asked) == 1


def test_a_refusal_is_sent_to_the_client() -> None:
    gateway = Gateway()
    done = gateway.decide(gateway.authorize(asking()), "deny")
    assert answered(done.headers["location"])["error"] == "access_denied"
    assert gateway.records.count(Consent) == gateway.records.count(AuthorizationCode) == 0


def test_a_request_may_come_by_post() -> None:
    gateway = Gateway()
    page = gateway.post("/authorize", data=dict(asking()), user="ada")
    assert "Web app" in page.text


def test_a_form_without_decision_or_of_a_request_that_is_over_decides_nothing() -> None:
    gateway = Gateway()
    page = gateway.authorize(asking())
    assert gateway.decide(page, "perhaps").status_code == 400
    assert gateway.decide(page).status_code == 303
    assert gateway.decide(page).status_code == 400
    assert gateway.get("/authorize/resume?request=x", user="ada").status_code == 400
    assert gateway.get("/authorize/resume", user="ada").status_code == 400


def test_a_fresh_sign_in_is_asked_of_who_has_signed_in_before() -> None:
    gateway = Gateway()
    answer = gateway.authorize(asking(prompt="login"))
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["fresh"] == ["1"]
    gateway.browser.auth_time = gateway.now
    assert "Web app" in gateway.get(query["to"][0], user="ada").text


def test_what_a_client_of_an_administrator_asks_wrongly_is_sent_to_it() -> None:
    answer = Gateway().authorize(asking(scope="admin:read"), user="")
    assert answer.status_code == 303
    assert answered(answer.headers["location"])["error"] == "invalid_scope"


def test_what_any_other_client_asks_wrongly_is_shown_with_a_link() -> None:
    gateway = Gateway(clients=[msgspec.structs.replace(WEB, source="registered")])
    answer = gateway.authorize(asking(scope="admin:read"), user="")
    assert answer.status_code == 400
    assert "invalid_scope" in answer.text
    assert "[app.example] https://app.example/cb?error=invalid_scope" in answer.text
    silent = gateway.authorize(asking(prompt="none"), user="")
    assert answered(silent.headers["location"])["error"] == "login_required"


def test_too_many_parameters_are_refused() -> None:
    gateway = Gateway()
    assert gateway.authorize([*asking(), *(("x", str(n)) for n in range(60))]).status_code == 400
    many = "&".join(f"x{n}=1" for n in range(100))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert gateway.post("/authorize", content=many, headers=form).status_code == 400
    assert gateway.records.count(AuthorizationRequest) == 0


@pytest.mark.parametrize("path", ["/authorize", "/consent"])
def test_a_body_that_is_no_form_or_too_large_is_refused(path: str) -> None:
    gateway = Gateway()
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert gateway.post(path, json={}, user="ada").status_code == 400
    assert gateway.post(path, files={"request": b"x"}, user="ada").status_code == 400
    assert gateway.post(path, content=b"x=" + b"y" * 70_000, headers=form, user="ada").status_code == 413
    assert gateway.post(path, content=b"client_id=%ff", headers=form, user="ada").status_code == 400
    assert gateway.post(path, content=b"x=1&" * 100, headers=form, user="ada").status_code == 400


def test_endpoints_are_below_the_path_of_the_issuer() -> None:
    settings = msgspec.structs.replace(Gateway().server.settings, issuer="https://gateway.example/auth")
    gateway = Gateway(settings=settings)
    asked = gateway.get("/auth/authorize", params=asking())
    return_to = parse_qs(urlsplit(asked.headers["location"]).query)["to"][0]
    assert return_to.startswith("/auth/authorize/resume?")
    assert gateway.get("/authorize", params=asking()).status_code == 404
    assert "Web app" in gateway.get(return_to, user="ada").text


def test_a_loopback_client_returns_to_the_port_that_it_has_chosen() -> None:
    gateway = Gateway()
    page = gateway.authorize(asking(NATIVE, redirect_uri="http://127.0.0.1:51234/cb"))
    assert "http://127.0.0.1:51234" in page.headers["content-security-policy"]
    assert gateway.decide(page).headers["location"].startswith("http://127.0.0.1:51234/cb?code=")
