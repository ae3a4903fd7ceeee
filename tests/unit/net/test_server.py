"""The server: clocks, the graceful end."""

import asyncio
import socket

import pytest

from entresol.core.http import Headers, ResponseHead
from entresol.net.limits import Limits
from entresol.net.server import HttpServer
from entresol.net.server_connection import ServerConnection
from unit.net.client_side import GET, Client, DrivenHandler, SteppedClock, answering


class FakeListening:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_connections_are_known_while_they_last() -> None:
    client = Client()
    assert client.server.connections == {client.connection}
    client.disconnect()
    assert client.server.connections == set()


def test_a_sweep_renews_the_time_and_the_date() -> None:
    clock = SteppedClock()
    server = HttpServer(DrivenHandler(), Limits(), clock)
    assert (server.time, server.date_line) == (1000.0, b"date: Tue, 14 Nov 2023 22:30:00 GMT\r\n")
    clock.monotonic_s += 61
    server.sweep()
    assert (server.time, server.date_line) == (1061.0, b"date: Tue, 14 Nov 2023 22:31:01 GMT\r\n")


def test_a_new_handler_takes_the_next_request_of_an_open_connection() -> None:
    client = Client(answering(b"old")).send(GET)
    client.server.handler = answering(b"new")
    client.send(GET)
    assert [part[:3] for part in client.transport.sent.split(b"\r\n\r\n")[1:]] == [b"old", b"new"]


def test_draining_closes_listeners_and_idle_connections_at_once() -> None:
    idle, fresh = Client(answering()).send(GET), Client()
    listening = FakeListening()
    for client in (idle, fresh):
        client.server.add_listening(listening)
        client.server.begin_drain()
        assert client.transport.is_closed
    assert listening.is_closed


def test_draining_lets_a_response_end_and_says_close() -> None:
    client = Client().send(GET)
    client.server.begin_drain()
    assert client.is_open
    client.exchange.answer()
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.is_closed


def test_draining_closes_after_a_response_whose_head_was_out_before() -> None:
    client = Client().send(GET + GET)
    client.exchange.responder.start(ResponseHead(200, Headers()))
    client.exchange.responder.send(b"one")
    client.server.begin_drain()
    client.exchange.responder.finish(b"two")
    assert not client.is_open
    assert len(client.handler.exchanges) == 1


def test_a_request_that_had_begun_to_arrive_before_draining_is_still_answered() -> None:
    client = Client(answering(b"late")).send(GET[:-7])
    client.server.begin_drain()
    assert client.is_open
    client.send(GET[-7:])
    assert client.transport.sent.endswith(b"late")
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.is_closed


def test_draining_closes_once_the_rest_of_a_body_that_was_answered_early_is_read() -> None:
    client = Client(answering(b"early")).send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
    client.server.begin_drain()
    assert client.is_open
    client.send(b"cd" + GET)
    assert client.transport.sent.count(b"HTTP/1.1 200") == 1
    assert not client.is_open


def test_a_connection_that_comes_after_draining_began_is_closed() -> None:
    server = HttpServer(DrivenHandler(), Limits(), SteppedClock())
    server.begin_drain()
    assert Client(server=server).transport.is_closed


@pytest.mark.anyio
async def test_waiting_ends_with_the_last_connection() -> None:
    client = Client().send(GET)
    client.server.begin_drain()
    waiting = asyncio.ensure_future(client.server.wait_drained(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    client.exchange.answer()
    client.disconnect()
    assert await waiting == 0


@pytest.mark.anyio
async def test_what_does_not_end_is_broken_off_and_its_request_told(caplog: pytest.LogCaptureFixture) -> None:
    client = Client().send(GET)
    client.server.begin_drain()
    assert await client.server.wait_drained(0.01) == 1
    assert client.transport.is_aborted
    assert client.exchange.events == ["gone"]
    assert "broke off 1 connections" in caplog.text


@pytest.mark.anyio
async def test_waiting_without_connections_ends_at_once() -> None:
    assert await HttpServer(DrivenHandler(), Limits(), SteppedClock()).wait_drained(60) == 0


@pytest.mark.anyio
async def test_the_clocks_go_once_a_second_until_they_are_stopped() -> None:
    loop = asyncio.get_running_loop()
    clock = SteppedClock()
    server = HttpServer(DrivenHandler(), Limits(), clock)
    clock.monotonic_s += 5
    server.start(loop)
    assert server.time == 1005.0
    assert server._timer is not None
    assert 0.5 < server._timer.when() - loop.time() <= 1.1
    server.stop()
    assert server._timer is None


@pytest.mark.anyio
async def test_small_answers_are_not_delayed_by_the_kernel() -> None:
    server = HttpServer(answering(), Limits(), SteppedClock())
    listening = await asyncio.get_running_loop().create_server(server.protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    writer.write(GET)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    (connection,) = server.connections
    assert isinstance(connection, ServerConnection)
    assert connection._transport is not None
    sock = connection._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    writer.close()
    await writer.wait_closed()
    listening.close()
