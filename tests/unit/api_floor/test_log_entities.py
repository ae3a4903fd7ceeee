from typing import Any

import msgspec

from entresol.api_floor import log_entities
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.log_entities import consumer_member, credential_member, origin_members, route_members
from entresol.api_floor.plan import CompiledRoute
from entresol.core.http import Origin
from playbooks.harness import Gateway

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")
KEY = KeyAuthCredential(id="00000000-0000-4000-8000-0000000000c1", consumer=ALICE.id)


def decoded(members: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode("{" + members.removeprefix(",") + "}")
    return found


def test_a_route_is_shown_with_its_service() -> None:
    route = Gateway().route
    assert route.service is not None
    shown = decoded(route_members(route))
    assert (shown["route"]["name"], shown["route"]["service"]) == ("all", {"id": route.service.entity.id})
    assert shown["service"] == msgspec.json.decode(msgspec.json.encode(route.service.entity))


def test_a_route_without_a_service_stands_alone() -> None:
    entity = msgspec.structs.replace(Gateway().route.entity, service=None)
    shown = decoded(route_members(CompiledRoute(entity, None)))
    assert shown == {"route": msgspec.json.decode(msgspec.json.encode(entity))}


def test_who_it_was_is_shown_with_the_credential_but_without_its_digest() -> None:
    assert decoded(consumer_member(ALICE))["consumer"]["username"] == "alice"
    assert decoded(credential_member(KEY)) == {"authenticated_entity": {"id": KEY.id, "consumer_id": ALICE.id}}


def test_an_origin_is_shown_by_host_and_port() -> None:
    assert decoded(origin_members(Origin("http", "a.test", 80))) == {"ip": "a.test", "port": 80}


def test_an_entity_that_was_changed_is_shown_as_it_is_now() -> None:
    route = Gateway().route
    assert route_members(route) is route_members(route)
    renamed = CompiledRoute(msgspec.structs.replace(route.entity, name="renamed"), route.service)
    assert decoded(route_members(renamed))["route"]["name"] == "renamed"
    assert consumer_member(ALICE) is consumer_member(ALICE)
    bob = msgspec.structs.replace(ALICE, username="bob")
    assert decoded(consumer_member(bob))["consumer"]["username"] == "bob"
    assert credential_member(KEY) is credential_member(KEY)
    moved = msgspec.structs.replace(KEY, consumer="other")
    assert decoded(credential_member(moved))["authenticated_entity"]["consumer_id"] == "other"


def test_entities_that_are_gone_are_not_kept_for_ever() -> None:
    for number in range(10_100):
        consumer_member(msgspec.structs.replace(ALICE, id=str(number)))
        credential_member(msgspec.structs.replace(KEY, id=str(number)))
        origin_members(Origin("http", "a.test", number))
    assert len(log_entities._consumers) <= 10_000
    assert len(log_entities._credentials) <= 10_000
    assert len(log_entities._origins) <= 10_000
