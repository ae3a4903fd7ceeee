from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from entresol.api_floor import log_entities
from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.log_entities import consumer_json, credential_json, shown_route
from entresol.api_floor.plan import CompiledRoute
from playbooks.harness import Gateway

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")
KEY = KeyAuthCredential(id="00000000-0000-4000-8000-0000000000c1", consumer=ALICE.id)


def decoded(json: Raw | UnsetType) -> Any:
    return msgspec.json.decode(msgspec.json.encode(json))


def test_a_route_is_shown_with_its_service() -> None:
    route = Gateway().route
    assert route.service is not None
    shown = shown_route(route)
    fields = decoded(shown.json)
    assert (fields["name"], fields["service"]) == ("all", {"id": route.service.entity.id})
    assert msgspec.json.encode(shown.service_json) == msgspec.json.encode(route.service.entity)


def test_a_route_without_a_service_stands_alone() -> None:
    entity = msgspec.structs.replace(Gateway().route.entity, service=None)
    shown = shown_route(CompiledRoute(entity, None))
    assert msgspec.json.encode(shown.json) == msgspec.json.encode(entity)
    assert shown.service_json is UNSET


def test_who_it_was_is_shown_with_the_credential_but_without_its_digest() -> None:
    assert decoded(consumer_json(ALICE))["username"] == "alice"
    assert decoded(credential_json(KEY)) == {"id": KEY.id, "consumer_id": ALICE.id}


def test_an_entity_that_was_changed_is_shown_as_it_is_now() -> None:
    route = Gateway().route
    assert shown_route(route) is shown_route(route)
    renamed = CompiledRoute(msgspec.structs.replace(route.entity, name="renamed"), route.service)
    assert decoded(shown_route(renamed).json)["name"] == "renamed"
    assert consumer_json(ALICE) is consumer_json(ALICE)
    bob = msgspec.structs.replace(ALICE, username="bob")
    assert decoded(consumer_json(bob))["username"] == "bob"
    assert credential_json(KEY) is credential_json(KEY)
    moved = msgspec.structs.replace(KEY, consumer="other")
    assert decoded(credential_json(moved))["consumer_id"] == "other"


def test_entities_that_are_gone_are_not_kept_for_ever() -> None:
    for number in range(10_100):
        consumer_json(msgspec.structs.replace(ALICE, id=str(number)))
        credential_json(msgspec.structs.replace(KEY, id=str(number)))
    assert len(log_entities._consumers) <= 10_000
    assert len(log_entities._credentials) <= 10_000
