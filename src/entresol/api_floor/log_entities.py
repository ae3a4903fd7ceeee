"""Entities as the log record shows them. They never change, so each is encoded once."""

from typing import Final

import msgspec

from entresol.api_floor.entities import Consumer, Credential
from entresol.api_floor.plan import CompiledRoute
from entresol.identity.principal import Principal

_MAX_ENTITIES: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class ShownRoute:
    """A route and its service, as members of the record with a comma before each."""

    __slots__ = ("members", "route")

    def __init__(self, route: CompiledRoute) -> None:
        fields = msgspec.to_builtins(route.entity)
        if route.entity.service is not None:
            fields["service"] = {"id": route.entity.service}
        self.route = route
        service = b"" if route.service is None else b',"service":' + _encode(route.service.entity)
        self.members = b',"route":' + _encode(fields) + service


class _ShownConsumer:
    __slots__ = ("consumer", "member")

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.member = b',"consumer":' + _encode(consumer)


class _ShownCredential:
    __slots__ = ("credential", "member")

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        shown = {"id": credential.id, "consumer_id": credential.consumer}
        plugin = b',"auth_type":' + _encode(credential.auth_type) if credential.auth_type else b""
        self.member = b',"authenticated_entity":' + _encode(shown) + plugin


# By id; one that was changed by a reload is another object. The tables are emptied when they are full.
_routes: Final[dict[str, ShownRoute]] = {}
_consumers: Final[dict[str, _ShownConsumer]] = {}
_credentials: Final[dict[str, _ShownCredential]] = {}


def shown_route(route: CompiledRoute) -> ShownRoute:
    """A route and its service as Kong shows them."""
    known = _routes.get(route.id)
    if known is None or known.route is not route:
        if len(_routes) >= _MAX_ENTITIES:
            _routes.clear()
        known = _routes[route.id] = ShownRoute(route)
    return known


def consumer_member(consumer: Consumer) -> bytes:
    """A consumer as Kong shows it."""
    key = consumer.id
    known = _consumers.get(key)
    if known is None or known.consumer is not consumer:
        if len(_consumers) >= _MAX_ENTITIES:
            _consumers.clear()
        known = _consumers[key] = _ShownConsumer(consumer)
    return known.member


def credential_member(credential: Credential) -> bytes:
    """Whose credential it was and which, and the plugin that knows such."""
    key = credential.id
    known = _credentials.get(key)
    if known is None or known.credential is not credential:
        if len(_credentials) >= _MAX_ENTITIES:
            _credentials.clear()
        known = _credentials[key] = _ShownCredential(credential)
    return known.member


def principal_member(principal: Principal) -> bytes:
    """Who is asking, by what identifies them; nothing of the credential but its fingerprint."""
    shown = {
        "tenant": principal.tenant,
        "issuer": principal.issuer,
        "subject": principal.subject,
        "kind": principal.kind,
        "account": principal.account,
        "client": principal.client,
        "token_id": principal.token_id,
        "fingerprint": principal.fingerprint,
        "actors": [actor.subject for actor in principal.actors],
        "impersonator": principal.impersonator,
    }
    return b',"principal":' + _encode({name: value for name, value in shown.items() if value})
