import pytest

from unit.admin.office import Caller, Office, code_of


@pytest.fixture
def office() -> Office:
    return Office()


def test_nobody_without_a_credential_gets_in(office: Office) -> None:
    answer = Caller(office, "").get("/users")
    assert (answer.status_code, code_of(answer)) == (401, "credential_missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert code_of(Caller(office, "esk_u_nothing").get("/users")) == "invalid_key"
    basic = Caller(office, "").get("/users", headers={"authorization": "Basic YWRhOmFkYQ=="})
    assert code_of(basic) == "credential_missing"


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [(("llm",), 403, 403), (("admin:read",), 200, 403), (("admin:write",), 200, 201), (("admin:*",), 200, 201)],
)
def test_a_credential_needs_the_scope(office: Office, scopes: tuple[str, ...], reads: int, writes: int) -> None:
    ada = office.as_("ada", *scopes)
    assert ada.get("/users").status_code == reads
    assert ada.post("/users", {"username": "x"}).status_code == writes


def test_bodies_that_are_no_json_or_too_large_are_refused(office: Office) -> None:
    ada = office.as_("ada")
    assert code_of(ada.send("POST", "/users", content=b"{")) == "bad_json"
    assert code_of(ada.send("POST", "/users", content=b"\xff\xfe")) == "bad_json"
    assert code_of(ada.send("POST", "/users", content=b"[" * 100_000)) in ("bad_json", "bad_request")
    assert ada.send("POST", "/users", content=b" " * (1 << 20) + b"{}").status_code == 413
    form = ada.send("POST", "/users", content=b"a=1", headers={"content-type": "application/x-www-form-urlencoded"})
    assert (form.status_code, code_of(form)) == (415, "unsupported_media_type")


def test_what_is_not_there_is_a_problem_too(office: Office) -> None:
    ada = office.as_("ada")
    assert code_of(ada.get("/nothing")) == "not_found"
    answer = ada.send("PUT", "/users")
    assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
    assert code_of(ada.get("/users/")) == "not_found"


def test_answers_are_kept_by_no_cache(office: Office) -> None:
    assert office.as_("ada").get("/users").headers["cache-control"] == "no-store"


def test_a_nul_which_no_database_keeps_is_refused(office: Office) -> None:
    ada = office.as_("ada")
    for answer in (
        ada.post("/users", {"username": "x", "email": "\0"}),
        ada.get("/users?username=%00"),
        ada.get("/users/%00"),
    ):
        assert (answer.status_code, code_of(answer)) == (422, "bad_request")
