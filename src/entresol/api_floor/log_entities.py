"""Entities as the log record shows them. They never change, so each is encoded once."""

from typing import Final

import msgspec

from entresol.api_floor.entities import Consumer, Credential
from entresol.api_floor.plan import CompiledRoute
from entresol.core.http import Origin

_MAX_ENTITIES: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class _Route:
    __slots__ = ("json", "route")

    def __init__(self, route: CompiledRoute) -> None:
        fields = msgspec.to_builtins(route.entity)
        if route.entity.service is not None:
            fields["service"] = {"id": route.entity.service}
        members = ',"route":' + _encode(fields).decode()
        if route.service is not None:
            members += ',"service":' + _encode(route.service.entity).decode()
        self.route = route
        self.json = members


class _Consumer:
    __slots__ = ("consumer", "json")

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.json = ',"consumer":' + _encode(consumer).decode()


class _Credential:
    __slots__ = ("credential", "json")

    def __init__(self, credential: Credential) -> None:
        shown = {"id": credential.id, "consumer_id": credential.consumer}
        self.credential = credential
        self.json = ',"authenticated_entity":' + _encode(shown).decode()


# By id; one that was changed by a reload is another object. The tables are emptied when they are full.
_routes: Final[dict[str, _Route]] = {}
_consumers: Final[dict[str, _Consumer]] = {}
_credentials: Final[dict[str, _Credential]] = {}
_origins: Final[dict[Origin, str]] = {}


def route_members(route: CompiledRoute) -> str:
    """`,"route":{…},"service":{…}`, or the route alone."""
    known = _routes.get(route.id)
    if known is None or known.route is not route:
        if len(_routes) >= _MAX_ENTITIES:
            _routes.clear()
        known = _routes[route.id] = _Route(route)
    return known.json


def consumer_member(consumer: Consumer) -> str:
    """`,"consumer":{…}`"""
    key = consumer.id
    known = _consumers.get(key)
    if known is None or known.consumer is not consumer:
        if len(_consumers) >= _MAX_ENTITIES:
            _consumers.clear()
        known = _consumers[key] = _Consumer(consumer)
    return known.json


def credential_member(credential: Credential) -> str:
    """`,"authenticated_entity":{…}`: whose credential it was."""
    key = credential.id
    known = _credentials.get(key)
    if known is None or known.credential is not credential:
        if len(_credentials) >= _MAX_ENTITIES:
            _credentials.clear()
        known = _credentials[key] = _Credential(credential)
    return known.json


def origin_members(origin: Origin) -> str:
    """`"ip":"…","port":…`: the host as configured."""
    known = _origins.get(origin)
    if known is None:
        if len(_origins) >= _MAX_ENTITIES:
            _origins.clear()
        known = _origins[origin] = f'"ip":{_encode(origin.host).decode()},"port":{origin.port}'
    return known
