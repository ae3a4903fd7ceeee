"""Http1Transport against real loopback servers."""

import asyncio

from entresol.net.client import Http1Transport
from unit.net.scripted_upstream import ManualClock
from unit.net.transport_contract import SweptTransport, TransportContract


class TestHttp1TransportContract(TransportContract):
    def make(self, clock: ManualClock) -> SweptTransport:
        return Http1Transport(asyncio.get_running_loop(), clock)
