"""A finished request is freed at once. Cycles would leave it to the collector, which cost a quarter of all CPU time."""

import asyncio
import gc
from collections import Counter

from entresol.api_floor.answers import Identity
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.pipeline import ApiFloor
from entresol.api_floor.registry import PluginRegistry
from entresol.net.client import Http1Transport
from entresol.net.limits import Limits
from entresol.net.server import HttpServer
from entresol.store import declarative
from playbooks.floor import FakeClock

FILE = """
_format_version: "3.0"
services:
- name: upstream
  url: http://127.0.0.1:{port}
  routes:
  - name: proxied
    paths: [/proxied]
    strip_path: false
    protocols: [http]
"""
ANSWERS = {
    b"/proxied": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"/proxied/stream": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream that answers by path, for as long as the gateway keeps the connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            writer.write(ANSWERS[head.split(b" ")[1]])
    except (asyncio.IncompleteReadError, asyncio.CancelledError):
        writer.close()


async def left_to_the_collector(path: bytes, end: bytes) -> Counter[str]:
    """Types of our objects that only the cycle collector frees, after 20 requests."""
    loop = asyncio.get_running_loop()
    upstream = await asyncio.start_server(answer, "127.0.0.1", 0)
    configuration = declarative.load(FILE.format(port=upstream.sockets[0].getsockname()[1]), {})
    assert isinstance(configuration, Configuration)
    clock = FakeClock()
    ports = PluginPorts(clock, None, None, None)  # type: ignore[arg-type]  # no plugin uses one here
    transport = Http1Transport(loop, clock)
    floor = ApiFloor(
        compile_plan(configuration, PluginRegistry({}), ports), transport, clock, Identity("Entresol", "1")
    )
    server = HttpServer(floor, Limits(), clock)
    listening = await loop.create_server(server.protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1])

    async def request() -> None:
        writer.write(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}" % path)
        await reader.readuntil(end)

    for _ in range(3):
        await request()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            await request()
        gc.collect()
        found = Counter(type(thing).__name__ for thing in gc.garbage if type(thing).__module__.startswith("entresol"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    writer.close()
    transport.close()
    listening.close()
    upstream.close()
    await asyncio.sleep(0)
    return found


def test_a_proxied_request_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/proxied", b"hello")) == {}


def test_a_chunked_response_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/proxied/stream", b"hello")) == {}


def test_an_answer_of_our_own_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/nowhere", b'"\n}')) == {}
