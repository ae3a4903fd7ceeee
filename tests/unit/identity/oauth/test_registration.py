"""Clients that register themselves."""

import json
from typing import Any

import msgspec
import pytest

from entresol.identity.oauth.clients import create_initial_access_token, set_enabled
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.oauth.registration import (
    delete_registration,
    read_registration,
    register,
    sweep_unused,
    update_registration,
)
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.oauth_clients import InitialAccessToken, OAuthClient
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import NOW, SETTINGS, is_let_in, world

BASIC = {"redirect_uris": ["https://app.example/cb"], "client_name": "App"}
GATED = msgspec.structs.replace(SETTINGS, registration="token")
CLOSED = msgspec.structs.replace(SETTINGS, registration="off")


def registered(
    records: MemoryRecords,
    members: dict[str, Any] = BASIC,
    *,
    settings: OAuthSettings = SETTINGS,
    token: str = "",
    address: str = "192.0.2.1",
    now: int = NOW,
) -> dict[str, Any]:
    return register(records, settings, json.dumps(members).encode(), token=token, address=address, now=now)


def refused(records: MemoryRecords, **how: Any) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        registered(records, **how)
    return caught.value


def test_a_client_that_registers_gets_what_it_needs_and_is_marked() -> None:
    records = MemoryRecords(lambda: NOW)
    answer = registered(records, {**BASIC, "token_endpoint_auth_method": "client_secret_post"})
    client = records.need(OAuthClient, answer["client_id"])
    assert (client.source, client.name) == ("registered", "App")
    assert is_let_in(records, client.id, answer["client_secret"])
    assert handle_digest(answer["registration_access_token"]) == client.registration_digest
    assert answer["registration_client_uri"] == f"https://gateway.example/register/{client.id}"
    assert (answer["client_id_issued_at"], answer["client_secret_expires_at"]) == (NOW, 0)
    assert answer["client_secret"] not in repr(client)
    assert answer["registration_access_token"] not in repr(client)


def test_a_public_client_has_no_secret() -> None:
    records = MemoryRecords()
    answer = registered(records, {**BASIC, "token_endpoint_auth_method": "none"})
    assert "client_secret" not in answer
    assert records.need(OAuthClient, answer["client_id"]).secret_digests == ()


def test_nobody_registers_where_it_is_off() -> None:
    records = MemoryRecords()
    error = refused(records, settings=CLOSED)
    assert (error.error, error.status) == ("access_denied", 403)
    assert records.count(OAuthClient) == 0


def test_where_it_takes_a_token_the_token_must_be_good_and_is_used_up() -> None:
    records = MemoryRecords()
    token = create_initial_access_token(
        records, name="ci", uses=2, lifetime_s=60, created_by="root", organisation="org", now=NOW
    )
    for wrong, now in (("", NOW), ("made-up", NOW), (token, NOW + 60)):
        error = refused(records, settings=GATED, token=wrong, now=now)
        assert (error.error, error.status) == ("invalid_token", 401)
    for _ in range(2):
        answer = registered(records, settings=GATED, token=token)
        assert records.need(OAuthClient, answer["client_id"]).organisation == "org"
    assert refused(records, settings=GATED, token=token).status == 401
    assert records.need(InitialAccessToken, handle_digest(token)).uses_left == 0


def test_a_bad_token_is_refused_also_where_none_is_needed() -> None:
    assert refused(MemoryRecords(), token="made-up").status == 401


def test_an_address_registers_so_many_clients_in_an_hour() -> None:
    records = MemoryRecords()
    for _ in range(SETTINGS.registrations_per_hour):
        registered(records)
    error = refused(records)
    assert (error.error, error.status) == ("slow_down", 429)
    wait = int(dict(error.headers)[b"retry-after"])
    assert 0 < wait <= 3600
    registered(records, address="192.0.2.2")
    registered(records, now=NOW + wait)


def test_there_is_an_end_to_how_many_may_be_registered() -> None:
    few = msgspec.structs.replace(SETTINGS, max_registered_clients=2)
    records = world()
    registered(records, settings=few)
    registered(records, settings=few)
    assert refused(records, settings=few).status == 503


def test_a_registration_is_read_changed_and_removed_by_its_own_token_only() -> None:
    records = MemoryRecords(lambda: NOW)
    mine, other = registered(records), registered(records)
    client_id, token = mine["client_id"], mine["registration_access_token"]
    assert read_registration(records, SETTINGS, client_id, token)["client_name"] == "App"
    assert "client_secret" not in read_registration(records, SETTINGS, client_id, token)
    new = json.dumps({**BASIC, "client_id": client_id, "client_name": "New", "scope": "llm"}).encode()
    changed = update_registration(records, SETTINGS, client_id, token, new)
    assert (changed["client_name"], changed["scope"]) == ("New", "llm")
    kept = records.need(OAuthClient, client_id)
    assert (kept.name, kept.source, kept.revision) == ("New", "registered", 2)
    assert is_let_in(records, client_id, mine["client_secret"])
    for wrong in (other["registration_access_token"], "", mine["client_secret"]):
        for attempt in (
            lambda wrong=wrong: read_registration(records, SETTINGS, client_id, wrong),
            lambda wrong=wrong: update_registration(records, SETTINGS, client_id, wrong, new),
            lambda wrong=wrong: delete_registration(records, client_id, wrong, NOW),
        ):
            with pytest.raises(OAuthError) as caught:
                attempt()
            assert caught.value.status == 401
    delete_registration(records, client_id, token, NOW)
    assert records.get(OAuthClient, client_id) is None


def test_a_client_of_an_administrator_has_no_registration() -> None:
    with pytest.raises(OAuthError):
        read_registration(world(), SETTINGS, "web", "")


def test_a_client_that_was_disabled_keeps_out_of_its_registration() -> None:
    records = MemoryRecords()
    mine = registered(records)
    set_enabled(records, mine["client_id"], False, now=NOW)
    with pytest.raises(OAuthError) as caught:
        read_registration(records, SETTINGS, mine["client_id"], mine["registration_access_token"])
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"client_secret": "of my choice"},
        {"client_secret": 7},
        {"registration_access_token": "of my choice"},
        {"client_id_issued_at": 1},
        {"redirect_uris": ["javascript:alert(1)"]},
    ],
)
def test_an_update_may_not_say_what_is_ours(members: dict[str, Any]) -> None:
    records = MemoryRecords()
    mine = registered(records)
    document = json.dumps({**BASIC, "client_id": mine["client_id"]} | members).encode()
    with pytest.raises(OAuthError):
        update_registration(records, SETTINGS, mine["client_id"], mine["registration_access_token"], document)
    assert records.need(OAuthClient, mine["client_id"]).revision == 1


def test_an_update_may_name_the_secret_that_the_client_has() -> None:
    records = MemoryRecords()
    mine = registered(records)
    document = {**BASIC, "client_id": mine["client_id"], "client_secret": mine["client_secret"]}
    update_registration(
        records, SETTINGS, mine["client_id"], mine["registration_access_token"], json.dumps(document).encode()
    )
    with pytest.raises(OAuthError):
        update_registration(records, SETTINGS, mine["client_id"], mine["registration_access_token"], b"{")


def test_a_client_gets_a_secret_when_it_begins_to_need_one_and_loses_it_when_it_does_not() -> None:
    records = MemoryRecords()
    mine = registered(records, {**BASIC, "token_endpoint_auth_method": "none"})
    document: dict[str, Any] = {**BASIC, "client_id": mine["client_id"]}
    for method, has_secret in (("client_secret_basic", True), ("none", False)):
        document["token_endpoint_auth_method"] = method
        answer = update_registration(
            records, SETTINGS, mine["client_id"], mine["registration_access_token"], json.dumps(document).encode()
        )
        assert ("client_secret" in answer) is has_secret
        assert bool(records.need(OAuthClient, mine["client_id"]).secret_digests) is has_secret


def test_what_was_never_used_is_swept_away_in_time() -> None:
    records = world()
    records._now = lambda: NOW
    answers = [registered(records, address=f"192.0.2.{n}") for n in range(3)]
    used = records.need(OAuthClient, answers[0]["client_id"])
    records.replace(msgspec.structs.replace(used, last_used_at=NOW + 5))
    assert sweep_unused(records, SETTINGS, NOW + 86_399) == 0
    assert sweep_unused(records, SETTINGS, NOW + 86_400) == 2
    assert {client.id for client in records.find(OAuthClient)} == {"web", "native", used.id}
