from typing import Any

import msgspec

from entresol.api_floor import log_entities
from entresol.api_floor.entities import Consumer, Credential, KeyAuthCredential
from entresol.api_floor.log_entities import consumer_member, credential_member, shown_route
from entresol.api_floor.plan import CompiledRoute
from playbooks.harness import Gateway

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")
KEY = KeyAuthCredential(id="00000000-0000-4000-8000-0000000000c1", consumer=ALICE.id)


def decoded(members: bytes) -> Any:
    """The value of the first member of these."""
    assert members.startswith(b",")
    return next(iter(msgspec.json.decode(b"{%b}" % members[1:]).values()))


def test_a_route_is_shown_with_its_service() -> None:
    route = Gateway().route
    assert route.service is not None
    shown = msgspec.json.decode(b"{%b}" % shown_route(route).members[1:])
    assert (shown["route"]["name"], shown["route"]["service"]) == ("all", {"id": route.service.entity.id})
    assert msgspec.json.encode(shown["service"]) == msgspec.json.encode(route.service.entity)


def test_a_route_without_a_service_stands_alone() -> None:
    entity = msgspec.structs.replace(Gateway().route.entity, service=None)
    shown = shown_route(CompiledRoute(entity, None))
    assert shown.members == b',"route":' + msgspec.json.encode(entity)


def test_who_it_was_is_shown_with_the_credential_but_without_its_digest() -> None:
    assert decoded(consumer_member(ALICE))["username"] == "alice"
    assert decoded(credential_member(KEY)) == {"id": KEY.id, "consumer_id": ALICE.id}


def test_a_credential_says_which_plugin_knows_its_kind() -> None:
    assert credential_member(KEY).endswith(b',"auth_type":"key-auth"')
    assert b"auth_type" not in credential_member(Credential(id="no plugin's", consumer=ALICE.id))


def test_an_entity_that_was_changed_is_shown_as_it_is_now() -> None:
    route = Gateway().route
    assert shown_route(route) is shown_route(route)
    renamed = CompiledRoute(msgspec.structs.replace(route.entity, name="renamed"), route.service)
    assert b'"name":"renamed"' in shown_route(renamed).members
    assert consumer_member(ALICE) is consumer_member(ALICE)
    bob = msgspec.structs.replace(ALICE, username="bob")
    assert decoded(consumer_member(bob))["username"] == "bob"
    assert credential_member(KEY) is credential_member(KEY)
    moved = msgspec.structs.replace(KEY, consumer="other")
    assert decoded(credential_member(moved))["consumer_id"] == "other"


def test_entities_that_are_gone_are_not_kept_for_ever() -> None:
    for number in range(10_100):
        consumer_member(msgspec.structs.replace(ALICE, id=str(number)))
        credential_member(msgspec.structs.replace(KEY, id=str(number)))
    assert len(log_entities._consumers) <= 10_000
    assert len(log_entities._credentials) <= 10_000
