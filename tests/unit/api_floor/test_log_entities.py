import msgspec

from entresol.api_floor import log_entities
from entresol.api_floor.entities import Consumer
from entresol.api_floor.log_entities import consumer_json, route_members
from entresol.api_floor.plan import CompiledRoute
from playbooks.harness import Gateway

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice")


def test_a_route_is_shown_with_its_service() -> None:
    route = Gateway().route
    assert route.service is not None
    shown = msgspec.json.decode("{" + route_members(route) + "}")
    assert (shown["route"]["name"], shown["route"]["service"]) == ("all", {"id": route.service.entity.id})
    assert shown["service"] == msgspec.json.decode(msgspec.json.encode(route.service.entity))


def test_a_route_without_a_service_stands_alone() -> None:
    entity = msgspec.structs.replace(Gateway().route.entity, service=None)
    assert msgspec.json.decode("{" + route_members(CompiledRoute(entity, None)) + "}") == {
        "route": msgspec.json.decode(msgspec.json.encode(entity))
    }


def test_an_entity_that_was_changed_is_shown_as_it_is_now() -> None:
    route = Gateway().route
    assert route_members(route) is route_members(route)
    renamed = CompiledRoute(msgspec.structs.replace(route.entity, name="renamed"), route.service)
    assert '"name":"renamed"' in route_members(renamed)
    assert consumer_json(ALICE) is consumer_json(ALICE)
    assert '"username":"bob"' in consumer_json(msgspec.structs.replace(ALICE, username="bob"))


def test_entities_that_are_gone_are_not_kept_for_ever() -> None:
    for number in range(10_100):
        consumer_json(msgspec.structs.replace(ALICE, id=str(number)))
    assert len(log_entities._consumers) <= 10_000
