"""Responses on the wire: framing, one write, and nothing after the end."""

import logging

import pytest

from entresol.core.http import Headers, ResponseHead
from unit.net.client_side import GET, Client, answering

DATE = b"date: Tue, 14 Nov 2023 22:30:00 GMT\r\n"
HEAD_REQUEST = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def head(status: int = 200, length: int | None = None) -> ResponseHead:
    return ResponseHead(status, Headers([(b"x-a", b"1")]), length)


def test_head_and_body_of_known_length_go_out_in_one_write() -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.start(head(length=2))
    assert client.transport.writes == []
    responder.finish(b"ok")
    assert client.transport.writes == [b"HTTP/1.1 200 OK\r\nx-a: 1\r\n" + DATE + b"content-length: 2\r\n\r\nok"]


def test_a_body_that_comes_in_one_piece_gets_its_length() -> None:
    client = Client().send(GET)
    client.exchange.responder.start(head())
    client.exchange.responder.finish(b"ok")
    assert client.transport.writes == [b"HTTP/1.1 200 OK\r\nx-a: 1\r\n" + DATE + b"content-length: 2\r\n\r\nok"]


def test_a_stream_is_chunked_and_each_piece_is_one_write() -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.start(head())
    responder.send(b"one")
    responder.send(b"")
    responder.send(b"two2")
    responder.finish(b"", [(b"x-t", b"1"), (b"content-length", b"9")])
    assert client.transport.writes == [
        b"HTTP/1.1 200 OK\r\nx-a: 1\r\n" + DATE + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"4\r\ntwo2\r\n",
        b"0\r\nx-t: 1\r\n\r\n",
    ]


def test_the_last_piece_and_the_end_of_a_stream_are_one_write() -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.start(head())
    responder.send(b"")
    responder.finish(b"last")
    assert len(client.transport.writes) == 2
    assert client.transport.writes[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert client.transport.writes[1] == b"4\r\nlast\r\n0\r\n\r\n"


def test_trailers_of_a_short_response_make_it_chunked() -> None:
    client = Client().send(GET)
    client.exchange.responder.start(head())
    client.exchange.responder.finish(b"ok", [(b"x-t", b"1")])
    assert client.transport.sent.endswith(b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n")


def test_pieces_under_a_length_are_sent_as_they_are() -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.start(head(length=6))
    responder.send(b"abc")
    responder.finish(b"def")
    assert client.transport.writes[0].endswith(b"content-length: 6\r\n\r\nabc")
    assert client.transport.writes[1] == b"def"
    assert client.is_open


@pytest.mark.parametrize("pieces", [[b"abc"], [b"abc", b"d", b"ef"], [b"abcdef"]])
def test_a_body_that_breaks_its_promise_breaks_the_connection(
    pieces: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.start(head(length=5))
    with caplog.at_level(logging.ERROR):
        for piece in pieces:
            responder.send(piece)
        responder.finish()
    assert client.transport.is_aborted
    assert "announced length" in caplog.text
    assert len(client.transport.sent.partition(b"\r\n\r\n")[2]) <= 5


@pytest.mark.parametrize(
    ("request_bytes", "status", "length", "framing"),
    [
        (HEAD_REQUEST, 200, 7, b"content-length: 7\r\n"),
        (HEAD_REQUEST, 200, None, b""),
        (GET, 204, None, b""),
        (GET, 204, 0, b""),
        (GET, 304, 7, b"content-length: 7\r\n"),
        (GET, 304, None, b""),
        (GET, 205, None, b"content-length: 0\r\n"),
    ],
)
def test_responses_without_a_body_never_have_one(
    request_bytes: bytes, status: int, length: int | None, framing: bytes
) -> None:
    client = Client().send(request_bytes)
    responder = client.exchange.responder
    responder.start(head(status, length))
    responder.send(b"ignored")
    responder.finish(b"ignored", [(b"x-t", b"1")])
    assert client.transport.sent.partition(DATE)[2] == framing + b"\r\n"
    assert client.send(GET).handler.exchanges[1:], "the connection is not usable any more"


def test_http_10_gets_a_length_and_a_close() -> None:
    client = Client(answering()).send(OLD)
    assert client.transport.sent.endswith(b"content-length: 2\r\nconnection: close\r\n\r\nok")
    assert client.transport.is_closed


def test_http_10_may_ask_for_more() -> None:
    client = Client(answering()).send(OLD_KEPT).send(OLD_KEPT)
    assert client.transport.sent.count(b"content-length: 2\r\nconnection: keep-alive\r\n\r\nok") == 2
    assert client.is_open


def test_a_stream_to_http_10_ends_with_the_connection() -> None:
    client = Client().send(OLD_KEPT)
    responder = client.exchange.responder
    responder.start(head())
    responder.send(b"one")
    responder.finish(b"two", [(b"x-t", b"1")])
    assert client.transport.sent.endswith(b"connection: close\r\n\r\nonetwo")
    assert b"chunked" not in client.transport.sent
    assert client.transport.is_closed


def test_interim_responses_come_before_the_final_one_only() -> None:
    client = Client().send(GET)
    responder = client.exchange.responder
    responder.inform(103, [(b"link", b"</a>")])
    responder.inform(100, [])
    responder.inform(101, [])
    responder.inform(200, [])
    assert client.transport.sent == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    responder.start(head(length=0))
    responder.inform(103, [])
    responder.finish()
    assert client.statuses == [103, 200]


def test_http_10_gets_no_interim_response() -> None:
    client = Client().send(OLD)
    client.exchange.responder.inform(103, [])
    assert client.transport.sent == b""


def test_after_the_end_every_call_is_ignored() -> None:
    client = Client().send(GET)
    first = client.exchange.responder
    client.exchange.answer()
    client.send(GET)
    sent = client.transport.sent
    first.start(head(length=1))
    first.send(b"x")
    first.finish(b"x")
    first.inform(103, [])
    first.ask_for_body()
    first.pause_request()
    first.resume_request()
    first.abort()
    assert client.transport.sent == sent
    assert client.is_open
    assert client.transport.reads
    assert not first.is_blocked


def test_a_second_start_is_ignored() -> None:
    client = Client().send(GET)
    client.exchange.responder.start(head(200, 0))
    client.exchange.responder.start(head(500, 0))
    client.exchange.responder.finish()
    assert client.statuses == [200]


@pytest.mark.parametrize("status", [100, 101, 102])
def test_an_interim_status_cannot_end_a_request(status: int, caplog: pytest.LogCaptureFixture) -> None:
    client = Client().send(GET)
    client.exchange.responder.start(head(status))
    assert client.transport.is_aborted
    assert client.transport.sent == b""


def test_an_end_without_a_start_breaks_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    client = Client().send(GET)
    client.exchange.responder.finish(b"x")
    assert client.transport.is_aborted
    assert client.transport.sent == b""


def test_switching_protocols_makes_the_connection_a_tunnel() -> None:
    client = Client().send(UPGRADE + b"early")
    exchange = client.exchange
    assert exchange.parts == [b""]
    exchange.responder.start(ResponseHead(101, Headers([(b"sec-websocket-accept", b"x"), (b"upgrade", b"websocket")])))
    assert client.transport.sent == (
        b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\n"
        + DATE
        + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )
    assert exchange.parts == [b"", b"early"]
    client.send(GET)
    assert exchange.parts[2:] == [GET]
    exchange.responder.send(b"\x81\x00")
    exchange.responder.finish(b"\x88\x00")
    assert client.transport.writes[1:] == [b"\x81\x00", b"\x88\x00"]
    assert client.transport.is_closed
    assert len(client.handler.exchanges) == 1
