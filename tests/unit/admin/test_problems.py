import msgspec

from entresol.admin.problems import denied_answer, problem_answer
from entresol.core.decision import Deny
from entresol.core.errors import ClientError
from entresol.core.storage import AlreadyExists, StoreDown


def test_an_error_is_a_problem_with_a_code() -> None:
    answer = problem_answer(ClientError("bad_request", "limit: no", headers=((b"retry-after", b"3"),)))
    assert msgspec.json.decode(bytes(answer.body)) == {
        "type": "urn:entresol:error:bad_request",
        "title": "Bad Request",
        "status": 400,
        "detail": "limit: no",
        "code": "bad_request",
    }
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/problem+json", "3")
    assert problem_answer(StoreDown("gone")).status_code == 503
    assert b'"fields":["name"]' in bytes(problem_answer(AlreadyExists("teams", ("name",))).body)


def test_a_refusal_of_who_asks_comes_with_a_challenge() -> None:
    assert "www-authenticate" in denied_answer(Deny(401, "invalid_key", "no")).headers
    assert "www-authenticate" not in denied_answer(Deny(403, "forbidden", "no")).headers
