"""correlation-id: an id in a header that goes along with the request. Kong's fields.

A client's own id is kept. `uuid`: a random UUID for each request. `uuid#counter`: a UUID per plugin instance and
worker, and a counter. `tracker`: addresses, worker, connection, request number and time.
"""

import os
import uuid
from collections.abc import Callable
from itertools import count
from typing import ClassVar

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_slots import CORRELATION_ID
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.plugins.schemas.correlation_id import CorrelationIdConfig


class CorrelationId(Plugin[CorrelationIdConfig]):
    """See the module."""

    name = "correlation-id"
    priority: ClassVar[int] = 100001
    config_type = CorrelationIdConfig

    def __init__(self, config: CorrelationIdConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._field = config.header_name.lower().encode("ascii")
        self._numbers = count(1)
        self._series = f"{uuid.uuid4()}#"
        self._new_id: Callable[[Exchange], str] = {
            "uuid": _random,
            "uuid#counter": self._counted,
            "tracker": self._tracker,
        }[config.generator]

    def access(self, exchange: Exchange) -> None:
        """Give the request its id."""
        field = self._field
        sent = None
        for key, value in exchange.request.headers.pairs:
            if key == field:
                sent = value
                break
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
        if self.config.echo_downstream and exchange.response is not None:
            if CORRELATION_ID not in exchange:
                self.access(exchange)
            exchange.response.headers.set(self._field, exchange[CORRELATION_ID].encode())

    def _counted(self, exchange: Exchange) -> str:
        return f"{self._series}{next(self._numbers)}"

    def _tracker(self, exchange: Exchange) -> str:
        connection = exchange.request.connection
        now = self.context.clock.now()
        origin = f"{connection.local_ip}-{connection.local_port}-{os.getpid()}-{connection.peer_port}"
        return f"{origin}-{next(self._numbers)}-{now:.3f}"


def _random(exchange: Exchange) -> str:
    return str(uuid.uuid4())
