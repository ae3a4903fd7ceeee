"""Our public keys."""

import json

from entresol.core.storage import StoreDown
from entresol.identity.oauth.signed_tokens import public_keys, read_signed
from unit.auth_server.token_gateway import BASIC, TokenGateway


def test_the_first_key_is_made_when_somebody_asks_for_it() -> None:
    gateway = TokenGateway()
    answer = gateway.get("/jwks")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert len(answer.json()["keys"]) == 1
    assert gateway.get("/jwks").json() == answer.json()


def test_the_store_may_be_down() -> None:
    gateway = TokenGateway()

    def down(work: object) -> None:
        raise StoreDown("no connection")

    gateway.store.read = down  # type: ignore[method-assign, assignment]
    assert gateway.get("/jwks").status_code == 503


def test_tokens_are_checked_by_them() -> None:
    gateway = TokenGateway()
    token = gateway.token("client_credentials", BASIC).json()["access_token"]
    keys = public_keys(json.dumps(gateway.get("/jwks").json()))
    assert read_signed(token, keys, ("ES256",)).text("sub") == "ci"
