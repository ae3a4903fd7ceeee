"""correlation-id: an id in a header that goes along with the request. Kong's fields.

A client's own id is kept. `uuid`: a random UUID for each request. `uuid#counter`: a UUID per plugin instance and
worker, and a counter. `tracker`: addresses, worker, connection, request number and time.
"""

import os
import random
import uuid
from typing import ClassVar, Final

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_slots import CORRELATION_ID
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.plugins.schemas.correlation_id import CorrelationIdConfig

_random_bits: Final = random.getrandbits  # an id for logs, not a secret
_VARIANTS: Final = "89ab"


class CorrelationId(Plugin[CorrelationIdConfig]):
    """See the module."""

    name = "correlation-id"
    priority: ClassVar[int] = 100001
    config_type = CorrelationIdConfig

    def __init__(self, config: CorrelationIdConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._field = config.header_name.lower().encode("ascii")
        self._generator: str = config.generator
        self._echoes = config.echo_downstream
        self._number = 0
        self._series = f"{uuid.uuid4()}#"

    def access(self, exchange: Exchange) -> None:
        """Give the request its id."""
        field = self._field
        sent = exchange.request.headers.get(field)
        if sent:
            exchange[CORRELATION_ID] = sent.decode("utf-8", "backslashreplace")
            return
        exchange[CORRELATION_ID] = new = self._new_id(exchange)
        upstream = exchange.upstream
        if upstream is not None:
            if sent is not None:  # an empty one is no id
                upstream.headers.remove(field)
            upstream.headers.pairs.append((field, new.encode()))

    def header_filter(self, exchange: Exchange) -> None:
        """Echo the id; a request that was answered before `access` gets one here."""
        response = exchange.response
        if self._echoes and response is not None:
            if CORRELATION_ID not in exchange:
                self.access(exchange)
            response.headers.set(self._field, exchange[CORRELATION_ID].encode())

    def _new_id(self, exchange: Exchange) -> str:
        if self._generator == "uuid":
            return _random_uuid()
        self._number += 1
        if self._generator == "tracker":
            return self._tracker(exchange)
        return f"{self._series}{self._number}"

    def _tracker(self, exchange: Exchange) -> str:
        connection = exchange.request.connection
        now = self.context.clock.now()
        origin = f"{connection.local_ip}-{connection.local_port}-{os.getpid()}-{connection.peer_port}"
        return f"{origin}-{self._number}-{now:.3f}"


def _random_uuid() -> str:
    """A UUID of version 4 (RFC 9562 §5.4)."""
    digits = _random_bits(128).to_bytes(16, "big").hex()
    variant = _VARIANTS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
