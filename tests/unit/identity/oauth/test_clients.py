"""Clients of administrators."""

from typing import Any

import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.core.storage import AlreadyExists, NotFound, RevisionConflict
from entresol.identity.oauth.clients import (
    change_client,
    check_client,
    create_client,
    create_initial_access_token,
    remove_client,
    rotate_secret,
    set_enabled,
)
from entresol.identity.oauth.handles import handle_digest
from entresol.identity.records.oauth_clients import InitialAccessToken, OAuthClient
from entresol.identity.records.sessions import AuthorizationRequest, Consent, RefreshToken, RevokedToken
from fake_records import MemoryRecords
from unit.identity.oauth.authorization import NOW, WEB, is_let_in, world

DRAFT = OAuthClient(id="", name="App", authentication="client_secret_post", redirect_uris=("https://app.example/cb",))


def test_a_client_gets_an_id_and_a_secret_that_is_shown_once() -> None:
    records = MemoryRecords()
    client, secret = create_client(
        records, msgspec.structs.replace(DRAFT, source="registered", registration_digest="x", secret_until=1)
    )
    assert client.id.startswith("client_")
    assert (client.source, client.revision) == ("admin", 1)
    assert (client.registration_digest, client.secret_until) == ("", None)
    assert secret.startswith("ecs_")
    assert secret not in repr(client)
    assert is_let_in(records, client.id, secret)
    assert not is_let_in(records, client.id, secret + "x")
    assert not is_let_in(records, client.id, "")
    named, none = create_client(records, msgspec.structs.replace(DRAFT, id="console", authentication="none"))
    assert (named.id, none, named.secret_digests) == ("console", "", ())
    assert not is_let_in(records, "console", "")
    with pytest.raises(AlreadyExists):
        create_client(records, named)


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_types": ()},
        {"grant_types": ("password",)},
        {"redirect_uris": ()},
        {"redirect_uris": ("http://app.example/cb",)},
        {"authentication": "none", "grant_types": ("client_credentials",), "service_account": "s"},
        {"grant_types": ("client_credentials",)},
        {"authentication": "private_key_jwt"},
        {"authentication": "tls_client_auth"},
        {"scopes": ("llm", "made-up")},
    ],
)
def test_a_client_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        create_client(MemoryRecords(), msgspec.structs.replace(DRAFT, **changes))
    assert caught.value.code == "client_invalid"


def test_a_client_may_be_a_machine_with_a_key_or_a_certificate() -> None:
    machine = OAuthClient(id="m", name="M", grant_types=("client_credentials",), service_account="s")
    check_client(msgspec.structs.replace(machine, authentication="private_key_jwt", jwks_uri="https://m.example/k"))
    check_client(msgspec.structs.replace(machine, authentication="tls_client_auth", certificate_subject="CN=m"))
    check_client(msgspec.structs.replace(DRAFT, redirect_uris=("cursor://x/cb",)), extra_schemes=("cursor",))


def test_secrets_are_rotated_with_an_overlap() -> None:
    records = MemoryRecords()
    client, first = create_client(records, DRAFT)
    second = rotate_secret(records, client.id, overlap_s=60, now=NOW)
    assert [is_let_in(records, client.id, secret, NOW + 59) for secret in (first, second)] == [True, True]
    assert [is_let_in(records, client.id, secret, NOW + 60) for secret in (first, second)] == [False, True]
    third = rotate_secret(records, client.id, overlap_s=60, now=NOW + 1)
    assert [is_let_in(records, client.id, secret, NOW + 2) for secret in (first, second, third)] == [False, True, True]
    assert len(records.need(OAuthClient, client.id).secret_digests) == 2
    fourth = rotate_secret(records, client.id, overlap_s=0, now=NOW + 2)
    assert [is_let_in(records, client.id, secret, NOW + 2) for secret in (third, fourth)] == [False, True]


def test_a_change_leaves_credentials_and_origin_alone() -> None:
    records = MemoryRecords()
    client, secret = create_client(records, DRAFT)
    forged = {"secret_digests": (handle_digest("mine"),), "source": "metadata", "registration_digest": "x"}
    changed = change_client(records, msgspec.structs.replace(client, name="New", organisation="other", **forged))
    assert (changed.name, changed.source, changed.organisation) == ("New", "admin", "")
    assert changed.registration_digest == ""
    assert is_let_in(records, client.id, secret)
    assert not is_let_in(records, client.id, "mine")
    with pytest.raises(RevisionConflict):
        change_client(records, client)
    with pytest.raises(ClientError):
        change_client(records, msgspec.structs.replace(changed, redirect_uris=()))


def test_a_client_loses_its_secret_when_it_needs_none_and_gets_one_by_rotation() -> None:
    records = MemoryRecords()
    client, secret = create_client(records, DRAFT)
    public = change_client(records, msgspec.structs.replace(client, authentication="none"))
    assert public.secret_digests == ()
    again = change_client(records, msgspec.structs.replace(public, authentication="client_secret_basic"))
    assert not is_let_in(records, again.id, secret)
    assert is_let_in(records, again.id, rotate_secret(records, again.id, overlap_s=60, now=NOW))


def test_only_what_has_a_secret_gets_another() -> None:
    records = MemoryRecords()
    with pytest.raises(NotFound):
        rotate_secret(records, "nobody", overlap_s=0, now=NOW)
    client, _ = create_client(records, msgspec.structs.replace(DRAFT, authentication="none"))
    with pytest.raises(ClientError, match="does not authenticate"):
        rotate_secret(records, client.id, overlap_s=0, now=NOW)


def refresh_token(client: str) -> RefreshToken:
    return RefreshToken(
        id=f"t-{client}",
        family="f",
        client=client,
        user="ada",
        scopes=("llm",),
        auth_time=NOW,
        expires_at=NOW + 9,
        family_ends_at=NOW + 99,
    )


def test_a_client_that_is_disabled_loses_its_tokens_at_once() -> None:
    records = world()
    records.insert(refresh_token("web"))
    records.insert(refresh_token("native"))
    assert not set_enabled(records, "web", False, now=NOW).is_enabled
    assert [token.client for token in records.find(RefreshToken)] == ["native"]
    assert [row.id for row in records.find(RevokedToken)] == ["client:web"]
    assert set_enabled(records, "web", True, now=NOW + 1).is_enabled


def test_a_client_that_is_removed_takes_all_that_it_was_given_along() -> None:
    records = world()
    records.insert(refresh_token("web"))
    for client in ("web", "native"):
        records.insert(Consent(id=client, user="ada", client=client, redirect_uri="x", scopes=("llm",)))
    records.insert(
        AuthorizationRequest(
            id="r", client="web", redirect_uri="x", scopes=("llm",), code_challenge="c", expires_at=NOW + 9
        )
    )
    assert remove_client(records, "web", now=NOW)
    assert not remove_client(records, "web", now=NOW)
    assert [consent.client for consent in records.find(Consent)] == ["native"]
    assert records.count(RefreshToken) == records.count(AuthorizationRequest) == 0
    assert records.get(OAuthClient, WEB.id) is None


def test_an_initial_access_token_is_shown_once_and_ends() -> None:
    records = MemoryRecords()
    token = create_initial_access_token(records, name="ci", uses=3, lifetime_s=60, created_by="root", now=NOW)
    kept = records.need(InitialAccessToken, handle_digest(token))
    assert (kept.name, kept.uses_left, kept.expires_at, kept.created_by) == ("ci", 3, NOW + 60, "root")
    assert token not in repr(kept)
