"""Entities as the log record shows them. They never change, so each is encoded once."""

from typing import Final

import msgspec

from entresol.api_floor.entities import Consumer
from entresol.api_floor.plan import CompiledRoute

_MAX_ENTITIES: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class _Route:
    __slots__ = ("members", "route")

    def __init__(self, route: CompiledRoute, members: str) -> None:
        self.route = route
        self.members = members


class _Consumer:
    __slots__ = ("consumer", "json")

    def __init__(self, consumer: Consumer, json: str) -> None:
        self.consumer = consumer
        self.json = json


# By id; one that was changed by a reload is another object. The tables are emptied when they are full.
_routes: Final[dict[str, _Route]] = {}
_consumers: Final[dict[str, _Consumer]] = {}


def route_members(route: CompiledRoute) -> str:
    """`"route":{…},"service":{…}`, or the route alone."""
    known = _routes.get(route.id)
    if known is None or known.route is not route:
        fields = msgspec.to_builtins(route.entity)
        members = []
        if route.entity.service is not None:
            fields["service"] = {"id": route.entity.service}
        members.append('"route":' + _encode(fields).decode())
        if route.service is not None:
            members.append('"service":' + _encode(route.service.entity).decode())
        if len(_routes) >= _MAX_ENTITIES:
            _routes.clear()
        known = _routes[route.id] = _Route(route, ",".join(members))
    return known.members


def consumer_json(consumer: Consumer) -> str:
    """The consumer as an object."""
    known = _consumers.get(consumer.id)
    if known is None or known.consumer is not consumer:
        if len(_consumers) >= _MAX_ENTITIES:
            _consumers.clear()
        known = _consumers[consumer.id] = _Consumer(consumer, _encode(consumer).decode())
    return known.json
