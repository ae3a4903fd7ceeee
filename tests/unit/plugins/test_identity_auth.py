"""identity-auth: keys and tokens at the API floor."""

from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from entresol.api_floor.entities import Consumer
from entresol.api_floor.identity_slots import PRINCIPAL
from entresol.core.decision import Deny
from entresol.core.errors import ConfigError
from entresol.core.http import HeaderPairs
from entresol.identity.presented import Presented
from entresol.identity.principal import Actor, Principal
from entresol.plugins.file_log import FileLog
from entresol.plugins.identity_auth import IdentityAuth
from playbooks.harness import Gateway

ADA = Principal(
    tenant="org", issuer="https://gw.example", subject="u-ada", kind="user", account="u-ada", token_id="vk_1",
    scopes=frozenset(("llm", "mcp")), fingerprint="abcd", actors=(Actor(issuer="i", subject="bot"),),
)  # fmt: skip


class FakeDoor:
    """Answers by what is presented."""

    def __init__(self, **answers: Principal | Deny) -> None:
        self.answers = answers
        self.presented: list[Presented] = []
        self.is_late = False

    def authenticate(self, presented: Presented) -> Principal | Deny | Awaitable[Principal | Deny]:
        self.presented.append(presented)
        found = self.answers.get(presented.credential.decode(), Deny(401, "invalid_key", 'no "such" key'))
        return self._later(found) if self.is_late else found

    async def _later(self, found: Principal | Deny) -> Principal | Deny:
        return found


def gateway(door: FakeDoor | None = None, consumers: tuple[Consumer, ...] = (), **config: Any) -> Gateway:
    found = FakeDoor(good=ADA) if door is None else door
    return Gateway((IdentityAuth, config), consumers=consumers, door=found)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer good")],
        [(b"authorization", b"bearer  good")],
        [(b"authorization", b"DPoP good")],
        [(b"x-api-key", b"good")],
        [(b"api-key", b"good")],
        [(b"x-goog-api-key", b"good")],
        [(b"authorization", b"Bearer good"), (b"x-api-key", b"other")],
    ],
)
def test_a_key_is_found_where_clients_put_it_and_never_goes_on(headers: HeaderPairs) -> None:
    reply = gateway().call(headers=[*headers, (b"x-other", b"1")])
    assert reply.status == 200
    assert reply.exchange[PRINCIPAL] is ADA
    assert reply.sent is not None
    assert [name for name, _ in reply.sent.headers.pairs if name in (b"authorization", b"x-api-key", b"api-key")] == []
    assert reply.sent.headers.get(b"x-other") == b"1"


def test_the_key_may_go_on_where_that_is_wanted() -> None:
    reply = gateway(hide_credentials=False).call(headers=[(b"authorization", b"Bearer good")])
    assert reply.sent is not None
    assert reply.sent.headers.get(b"authorization") == b"Bearer good"


def test_the_door_learns_the_clients_address() -> None:
    door = FakeDoor(good=ADA)
    reply = gateway(door).call(headers=[(b"authorization", b"Bearer good")])
    assert door.presented[0].address == reply.exchange.client_ip != ""


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 401, "no_credential"),
        ([(b"authorization", b"")], 401, "no_credential"),
        ([(b"authorization", b"Bearer ")], 401, "no_credential"),
        ([(b"x-api-key", b"a"), (b"x-api-key", b"good")], 400, "several_credentials"),
        ([(b"authorization", b"Bearer bad")], 401, "invalid_key"),
    ],
)
def test_who_cannot_say_who_they_are_does_not_come_in(headers: HeaderPairs, status: int, code: str) -> None:
    reply = gateway().call(headers=headers)
    assert (reply.status, reply.header("x-entresol-error")) == (status, code)
    assert reply.sent is None


def test_a_refusal_says_how_to_do_better() -> None:
    reply = gateway(resource="https://gw.example/v1").call(headers=[(b"authorization", b"Bearer bad")])
    assert reply.header("www-authenticate") == (
        'Bearer resource_metadata="https://gw.example/.well-known/oauth-protected-resource/v1",'
        ' error="invalid_token", error_description="no ?such? key"'
    )
    reply = gateway().call()
    assert reply.header("www-authenticate") == "Bearer"


def test_a_refusal_of_another_kind_stays_what_it_is() -> None:
    door = FakeDoor(off=Deny(403, "account_disabled", "off"), down=Deny(503, "issuer_unavailable", "down"))
    for key, status in ((b"off", 403), (b"down", 503)):
        reply = gateway(door).call(headers=[(b"x-api-key", key)])
        assert reply.status == status
        assert reply.header("www-authenticate") is None


def test_a_token_that_is_for_something_else_is_refused_by_name() -> None:
    reply = gateway(scopes=["llm", "admin:read"]).call(headers=[(b"x-api-key", b"good")])
    assert (reply.status, reply.header("x-entresol-error")) == (403, "insufficient_scope")
    assert 'scope="admin:read llm"' in (reply.header("www-authenticate") or "")
    assert "admin:read" in reply.json["message"]


def test_a_token_whose_issuer_must_be_asked_first_is_waited_for() -> None:
    door = FakeDoor(good=ADA)
    door.is_late = True
    assert gateway(door).call_awaited(headers=[(b"x-api-key", b"good")]).status == 200
    assert gateway(door).call_awaited(headers=[(b"x-api-key", b"bad")]).status == 401


def test_other_plugins_see_a_consumer() -> None:
    made = gateway().call(headers=[(b"x-api-key", b"good")]).exchange.consumer
    again = gateway().call(headers=[(b"x-api-key", b"good")]).exchange.consumer
    assert made is not None
    assert made == again
    assert made.custom_id == "u-ada"
    configured = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="u-ada")
    assert gateway(None, (configured,)).call(headers=[(b"x-api-key", b"good")]).exchange.consumer is configured


def test_equal_subjects_of_two_issuers_are_two_consumers() -> None:
    door = FakeDoor(one=replace(ADA, account=""), two=replace(ADA, account="", issuer="https://other.example"))
    both = [gateway(door).call(headers=[(b"x-api-key", key)]).exchange.consumer for key in (b"one", b"two")]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].id != both[1].id


def test_the_log_says_who_it_was_and_not_by_what() -> None:
    there = Gateway((IdentityAuth, {}), (FileLog, {"path": "/log"}), door=FakeDoor(good=ADA))
    there.call(headers=[(b"x-api-key", b"good")])
    [(_, line, _)] = there.lines.lines
    assert msgspec.json.decode(line)["principal"] == {
        "tenant": "org", "issuer": "https://gw.example", "subject": "u-ada", "kind": "user", "account": "u-ada",
        "token_id": "vk_1", "fingerprint": "abcd", "actors": ["bot"],
    }  # fmt: skip
    assert b"good" not in line


def test_a_node_without_a_store_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"store\.url"):
        Gateway((IdentityAuth, {}))
