"""Keys that clients publish."""

from typing import Any

import pytest

from entresol.core.fetching import FetchFailed, FetchResponse
from entresol.identity.oauth.client_authentication import ClientCredentials
from entresol.identity.oauth.client_authentication_keys import fetch_keys, keep_keys, must_fetch_keys
from entresol.identity.records.oauth_clients import OAuthClient
from fake_records import MemoryRecords
from unit.identity.oauth.keys import EC, OTHER_EC, jwks, signed

NOW = 1_700_000_000
URL = "https://app.example/jwks"
CREDENTIALS = ClientCredentials(client_id="app", method="assertion", assertion=signed({"sub": "app"}, EC))


def client(**fields: Any) -> OAuthClient:
    return OAuthClient(**{"id": "app", "name": "App", "authentication": "private_key_jwt", "jwks_uri": URL, **fields})


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (client(), True),
        (client(jwks=jwks(EC), keys_fetched_at=NOW - 3_599), False),
        (client(jwks=jwks(EC), keys_fetched_at=NOW - 3_600), True),
        (client(jwks=jwks(OTHER_EC), keys_fetched_at=NOW - 60), True),
        (client(jwks=jwks(OTHER_EC), keys_fetched_at=NOW - 59), False),
        (client(jwks="", keys_fetched_at=NOW - 59), False),
        (client(jwks="[", keys_fetched_at=NOW - 60), True),
        (client(jwks_uri="", jwks=jwks(OTHER_EC)), False),
        (client(authentication="none"), False),
        (client(is_enabled=False), False),
        (None, False),
    ],
)
def test_keys_are_read_when_they_are_old_or_lack_one(record: OAuthClient | None, expected: bool) -> None:
    assert must_fetch_keys(record, CREDENTIALS, NOW) is expected


def test_nothing_is_read_for_other_credentials() -> None:
    assert not must_fetch_keys(client(), ClientCredentials(client_id="app", method="none"), NOW)


def answered(answer: FetchResponse | FetchFailed) -> str | None:
    steps = fetch_keys(client())
    request = next(steps)
    assert (request.url, request.origin) == (URL, "outside")
    try:
        if isinstance(answer, FetchFailed):
            steps.throw(answer)
        else:
            steps.send(answer)
    except StopIteration as end:
        found: str | None = end.value
        return found
    raise AssertionError


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (FetchResponse(status=200, body=jwks(EC).encode()), jwks(EC)),
        (FetchResponse(status=302, body=jwks(EC).encode()), None),
        (FetchResponse(status=200, body=b"<html>"), None),
        (FetchResponse(status=200, body=b"\xff"), None),
        (FetchResponse(status=200, body=b'{"keys": []}'), None),
        (FetchFailed(URL, "down"), None),
    ],
)
def test_only_a_set_with_keys_is_taken(answer: FetchResponse | FetchFailed, expected: str | None) -> None:
    assert answered(answer) == expected


def test_the_last_set_goes_on_while_none_can_be_had() -> None:
    records = MemoryRecords()
    records.insert(client(jwks="old"))
    keep_keys(records, "app", None, NOW)
    assert (records.need(OAuthClient, "app").jwks, records.need(OAuthClient, "app").keys_fetched_at) == ("old", NOW)
    keep_keys(records, "app", "new", NOW + 1)
    assert records.need(OAuthClient, "app").jwks == "new"
    keep_keys(records, "gone", "new", NOW)
