"""A finished request is freed at once. Cycles would leave it to the collector, which cost a quarter of all CPU time."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from entresol.api_floor.answers import Identity
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.pipeline import ApiFloor
from entresol.api_floor.registry import PluginRegistry
from entresol.net.client import Http1Transport
from entresol.net.limits import Limits
from entresol.net.outgoing import Flusher
from entresol.net.server import HttpServer
from entresol.store import declarative
from entresol.store.counters import LocalCounters
from entresol.telemetry.metrics import WorkerMetrics
from playbooks.floor import FakeClock
from playbooks.harness import KeptLines

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
  - name: chat
    paths: [/chat]
    protocols: [http]
    plugins:
    - {{name: key-auth, config: {{key_names: [authorization]}}}}
    - {{name: rate-limiting, config: {{minute: 1000}}}}
    - {{name: correlation-id}}
    - {{name: file-log, config: {{path: /dev/null}}}}
    - name: prometheus
      config: {{ai_metrics: true, status_code_metrics: true, latency_metrics: true, bandwidth_metrics: true}}
    - name: ai-prompt-decorator
      config: {{prompts: {{prepend: [{{role: system, content: Be brief.}}]}}}}
    - {{name: ai-prompt-guard, config: {{deny_patterns: [forbidden]}}}}
    - name: ai-proxy
      config:
        route_type: llm/v1/chat
        auth: {{header_name: authorization, header_value: Bearer upstream}}
        logging: {{log_statistics: true, log_payloads: true}}
        model: {{provider: openai, options: {{upstream_url: "http://127.0.0.1:{port}/model"}}}}
consumers:
- username: alice
  keyauth_credentials:
  - key: k
"""
EVENTS = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}'
    b"\n\ndata: [DONE]\n\n"
)
COMPLETION = (
    b'{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop","message":'
    b'{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
ANSWERS = {
    b"/proxied": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"/proxied/stream": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"/proxied/endless": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"/proxied/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
    b"/model": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(COMPLETION), COMPLETION),
    b"/model stream": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENTS), EVENTS),
}


def content_length(head: bytes) -> int:
    return int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A connection of an upstream that answers by path, for as long as the gateway keeps it."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1]
            body = await reader.readexactly(content_length(head))
            writer.write(ANSWERS[path + (b" stream" if b'"stream":true' in body else b"")])
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def gateway() -> AsyncIterator[tuple[int, HttpServer]]:
    """A gateway in this event loop, before an upstream that answers; gives its port."""
    loop = asyncio.get_running_loop()
    answering: set[asyncio.Task[None]] = set()
    upstream = await asyncio.start_server(
        lambda reader, writer: answering.add(asyncio.ensure_future(answer(reader, writer))), "127.0.0.1", 0
    )
    configuration = declarative.load(FILE.format(port=upstream.sockets[0].getsockname()[1]), {})
    assert isinstance(configuration, Configuration)
    clock = FakeClock()
    ports = PluginPorts(clock, LocalCounters(clock), KeptLines(), WorkerMetrics())
    flusher = Flusher()
    transport = Http1Transport(loop, clock, flusher=flusher)
    plan = compile_plan(configuration, PluginRegistry.installed(), ports)
    floor = ApiFloor(plan, transport, clock, Identity("Entresol", "1"), flusher.later)
    server = HttpServer(floor, Limits(), clock, flusher)
    listening = await loop.create_server(server.protocol, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1], server
    # no socket is left to be found by the collector within another test
    listening.close()
    server.begin_drain()
    await server.wait_drained(10.0)
    transport.close()
    upstream.close()
    await asyncio.gather(*answering)


async def left_by(step: Callable[[], Awaitable[None]]) -> Counter[str]:
    """Types of our objects that only the cycle collector frees, after 20 steps."""
    for _ in range(3):
        await step()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            await step()
        gc.collect()
        return Counter(type(thing).__name__ for thing in gc.garbage if type(thing).__module__.startswith("entresol"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def request_bytes(path: bytes, key: bytes, body: bytes) -> bytes:
    fields = b"host: x\r\nauthorization: Bearer %b\r\ncontent-type: application/json\r\ncontent-length: %d"
    return b"POST %b HTTP/1.1\r\n%b\r\n\r\n%b" % (path, fields % (key, len(body)), body)


async def left_to_the_collector(
    path: bytes, status: bytes = b"200", body: bytes = b"{}", key: bytes = b"k"
) -> Counter[str]:
    """After requests on one connection."""
    async with gateway() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def request() -> None:
            writer.write(request_bytes(path, key, body))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status), head
            if b"chunked" in head:
                await reader.readuntil(b"0\r\n\r\n")
            else:
                await reader.readexactly(content_length(head))

        found = await left_by(request)
        writer.close()
        await writer.wait_closed()
    return found


async def left_by_connections(sent: bytes) -> Counter[str]:
    """After connections that send this, wait for the beginning of an answer if there is one, and close."""
    async with gateway() as (port, server):

        async def connect() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            if sent.endswith(b"{}"):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 ")
            while not server.connections:
                await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
            while server.connections:
                await asyncio.sleep(0)

        return await left_by(connect)


def test_a_proxied_request_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/proxied")) == {}


def test_a_chunked_response_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/proxied/stream")) == {}


def test_an_answer_of_our_own_leaves_nothing_to_the_collector() -> None:
    assert asyncio.run(left_to_the_collector(b"/nowhere", b"404")) == {}


CHAT = b'{"model":"m","messages":[{"role":"user","content":"hello"}]%b}'


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        pytest.param(CHAT % b"", b"k", b"200", id="whole answer"),
        pytest.param(CHAT % b',"stream":true', b"k", b"200", id="stream"),
        pytest.param(CHAT % b"", b"unknown", b"401", id="refused by key-auth"),
        pytest.param(CHAT.replace(b"hello", b"forbidden") % b"", b"k", b"400", id="refused by ai-prompt-guard"),
        pytest.param(b"no json", b"k", b"400", id="refused by ai-prompt-decorator"),
    ],
)
def test_a_model_call_with_every_plugin_on_leaves_nothing_to_the_collector(
    body: bytes, key: bytes, status: bytes
) -> None:
    assert asyncio.run(left_to_the_collector(b"/chat", status, body, key)) == {}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(request_bytes(b"/proxied", b"k", b"{}"), id="after a whole answer"),
        pytest.param(request_bytes(b"/proxied/endless", b"k", b"{}"), id="in the middle of a stream"),
        pytest.param(request_bytes(b"/proxied/cut", b"k", b"{}"), id="in the middle of an answer"),
        pytest.param(request_bytes(b"/chat", b"k", CHAT % b"")[:-1], id="in the middle of its body"),
        pytest.param(b"GET / HTTP/1.1\r\nho", id="in the middle of its head"),
        pytest.param(b"", id="without a word"),
    ],
)
def test_a_client_that_closes_leaves_nothing_to_the_collector(sent: bytes) -> None:
    assert asyncio.run(left_by_connections(sent)) == {}
