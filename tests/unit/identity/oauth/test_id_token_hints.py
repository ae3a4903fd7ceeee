"""`id_token_hint`."""

import msgspec
import pytest

from entresol.identity.oauth.authorize import AnswerError, begin, next_step
from entresol.identity.oauth.id_token_hints import hinted_user
from entresol.identity.oauth.pushed import push
from entresol.identity.oauth.signed_tokens import sign
from entresol.identity.oauth.signing_keys import active_key
from entresol.identity.oauth.token_settings import TokenSettings
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import ISSUER, NOW, RESOURCES, SETTINGS, WEB, asking, session, world


def id_token(records: MemoryRecords, *, type: str = "JWT", kid: str = "", **claims: object) -> str:
    key = active_key(records, TokenSettings(), NOW)
    said = {"iss": ISSUER, "sub": "ada", "aud": "web", "exp": 1, "iat": 0} | claims
    return sign(said, key.private_jwk, algorithm=key.algorithm, kid=kid or key.id, type=type)


def test_an_id_token_of_ours_names_its_user_however_old_it_is() -> None:
    records = world()
    assert hinted_user(records, id_token(records), ISSUER, "web") == "ada"


def test_anything_else_names_nobody() -> None:
    records, elsewhere = world(), world()
    for hint in (
        id_token(elsewhere),
        id_token(records, kid="unknown"),
        id_token(records, type="at+jwt"),
        id_token(records, iss="https://other.example"),
        id_token(records, aud="native"),
        id_token(records)[:-4] + "AAAA",
        "e30.e30.",
        "x",
    ):
        assert hinted_user(records, hint, ISSUER, "web") is None


def step(records: MemoryRecords, hint: str, *, user: str = "ada", auth_time: int = NOW - 9, prompt: str = "") -> str:
    parameters = asking(prompt=prompt, id_token_hint=hint)
    waiting = begin(records, SETTINGS, RESOURCES, parameters, NOW)
    try:
        return next_step(records, waiting, session(user=user, auth_time=auth_time))
    except AnswerError as error:
        return error.error


def test_nobody_but_whom_the_client_expects_signs_in() -> None:
    records = world()
    hint = id_token(records)
    assert step(records, hint) == "consent"
    assert step(records, hint, user="bob") == "sign-in"
    assert step(records, hint, user="bob", auth_time=NOW) == "login_required"
    assert step(records, hint, user="bob", prompt="none") == "login_required"
    assert step(records, hint, prompt="none") == "consent_required"


@pytest.mark.parametrize(("prompt", "result"), [("", "consent"), ("none", "login_required")])
def test_a_hint_that_cannot_be_verified_lets_nobody_in_silently(prompt: str, result: str) -> None:
    assert step(world(), "x.y.z", prompt=prompt) == result


def test_a_hint_counts_in_a_pushed_request_too() -> None:
    records = world()
    parameters = asking(id_token_hint=id_token(records))
    uri = str(push(records, SETTINGS, RESOURCES, WEB, parameters, NOW)["request_uri"])
    waiting = begin(records, SETTINGS, RESOURCES, [("client_id", "web"), ("request_uri", uri)], NOW)
    assert waiting.request.hinted_user == "ada"
    assert msgspec.structs.asdict(waiting.request)["prompt"] == ""
