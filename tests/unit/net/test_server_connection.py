"""A client connection: order, early answers, back-pressure, endings, clocks."""

import logging
from collections.abc import Callable

import pytest

from entresol.core.http import Headers, RequestHead, ResponseHead
from entresol.core.ports import RequestReceiver, Responder
from entresol.net.limits import Limits
from entresol.net.outgoing import Flusher
from entresol.net.server import HttpServer
from unit.net.client_side import AT_ONCE, GET, Client, DrivenHandler, Exchange, SteppedClock, answering

STREAM = ResponseHead(200, Headers())
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def post(length: int, extra: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: h\r\n" + extra + b"Content-Length: %d\r\n\r\n" % length


def answer_at_once(exchange: Exchange) -> None:
    exchange.answer(b"early")


# Order.


def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    client = Client().send(GET + post(5) + b"hello" + GET)
    bodies = []
    for index in range(3):
        assert len(client.handler.exchanges) == index + 1
        bodies.append(client.exchange.body)
        client.exchange.answer(b"%d" % index)
    assert [part[:1] for part in client.transport.sent.split(b"\r\n\r\n")[1:]] == [b"0", b"1", b"2"]
    assert bodies == [b"", b"hello", b""]


def test_requests_that_are_answered_at_once_do_not_nest() -> None:
    client = Client(answering()).send(GET * 2_000)
    assert len(client.transport.writes) == 2_000


def test_too_many_pipelined_bytes_pause_reading_until_they_are_taken() -> None:
    client = Client(limits=Limits(max_pipelined=100)).send(GET * 4)
    assert not client.transport.reads
    client.exchange.answer()
    assert client.transport.reads
    for _ in range(3):
        client.exchange.answer()
    assert len(client.transport.writes) == 4


def test_reading_goes_on_while_a_request_is_answered() -> None:
    assert Client().send(GET).transport.reads


def test_no_further_request_is_taken_from_a_client_that_does_not_read_its_answers() -> None:
    client = Client().send(GET * 2)
    client.connection.pause_writing()
    client.exchange.answer()
    assert len(client.handler.exchanges) == 1
    client.connection.resume_writing()
    assert len(client.handler.exchanges) == 2


# The faults a prototype had (docs/concepts/data-plane.md).


def refusing(exchange: Exchange) -> None:
    exchange.answers_refusals = True
    exchange.responder.ask_for_body()


def test_a_refused_pipelined_request_leaves_no_receiver_attached() -> None:
    client = Client().send(GET + b"BROKEN\r\n\r\n")
    first = client.exchange
    assert first.events == []
    first.answer(b"mine")
    assert client.statuses == [200, 400]
    assert client.transport.has_eof
    assert len(client.handler.exchanges) == 1
    first.responder.send(b"late")
    client.disconnect()
    assert first.events == []


def test_a_broken_body_detaches_its_request_before_the_refusal() -> None:
    client = Client().send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nX")
    exchange = client.exchange
    assert exchange.events == ["body_malformed", "gone"]
    assert client.statuses == [400]
    exchange.answer(b"late")
    assert client.statuses == [400]


def test_an_answer_never_reaches_the_next_request() -> None:
    client = Client().send(GET * 2)
    first = client.exchange
    first.answer(b"one")
    second = client.exchange
    assert second is not first
    first.answer(b"stray")
    first.responder.finish(b"stray")
    second.answer(b"two")
    first.responder.send(b"stray")
    assert b"stray" not in client.transport.sent
    assert client.transport.sent.count(b"HTTP/1.1 200") == 2


def test_an_aborted_request_never_writes_to_its_connection_again() -> None:
    client = Client().send(GET)
    client.exchange.responder.abort()
    assert client.transport.is_aborted
    client.exchange.answer()
    client.disconnect()
    assert client.transport.sent == b""
    assert client.exchange.events == []


def test_a_connection_is_used_again_and_not_opened_anew() -> None:
    client = Client(answering())
    for _ in range(100):
        client.send(post(3) + b"abc")
    assert client.connection.requests == 100
    assert client.is_open
    assert b"connection: close" not in client.transport.sent


# 100-continue.


def test_a_waiting_client_is_asked_for_its_body_once() -> None:
    client = Client().send(post(3, b"Expect: 100-continue\r\n"))
    client.exchange.responder.ask_for_body()
    client.exchange.responder.ask_for_body()
    assert client.transport.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    client.exchange.answer()
    assert client.statuses == [100, 200]
    assert client.is_open


def test_nobody_is_asked_who_does_not_wait() -> None:
    client = Client().send(post(3))
    client.exchange.responder.ask_for_body()
    assert client.transport.sent == b""


@pytest.mark.parametrize("together", [True, False])
def test_a_client_that_sends_unasked_is_not_asked(together: bool) -> None:
    head = post(3, b"Expect: 100-continue\r\n")
    client = Client()
    for piece in [head + b"a"] if together else [head, b"a"]:
        client.send(piece)
    client.exchange.responder.ask_for_body()
    assert client.transport.sent == b""


def test_an_answer_without_asking_closes_because_the_body_may_never_come() -> None:
    client = Client(DrivenHandler(on_head=answer_at_once)).send(post(3, b"Expect: 100-continue\r\n"))
    assert client.statuses == [200]
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.has_eof


def test_an_unknown_expectation_is_refused() -> None:
    client = Client().send(post(3, b"Expect: tea\r\n"))
    assert client.statuses == [417]
    assert client.handler.exchanges == []


# Early answers.


def test_the_rest_of_a_short_body_is_read_over_and_the_connection_kept() -> None:
    client = Client(DrivenHandler(on_head=answer_at_once)).send(post(10) + b"01234")
    assert client.statuses == [200]
    assert client.is_open
    client.send(b"56789" + GET)
    assert client.statuses == [200, 200]
    assert client.handler.exchanges[0].parts == []


def test_the_rest_of_a_long_body_is_not_read() -> None:
    client = Client(DrivenHandler(on_head=answer_at_once)).send(post(1_000_000) + b"x" * 1000)
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.has_eof
    client.send(GET)
    assert len(client.handler.exchanges) == 1


def test_a_chunked_rest_is_read_over_up_to_the_limit() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    short = Client(DrivenHandler(on_head=answer_at_once)).send(chunked).send(b"5\r\nhello\r\n0\r\n\r\n" + GET)
    assert short.statuses == [200, 200]
    assert short.is_open
    long = Client(DrivenHandler(on_head=answer_at_once), Limits(max_discarded=100)).send(chunked)
    long.send(b"ff\r\n" + b"x" * 200)
    assert long.statuses == [200]
    assert long.transport.has_eof


def test_a_broken_rest_gets_no_second_answer() -> None:
    client = Client(DrivenHandler(on_head=answer_at_once))
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").send(b"zz\r\n")
    assert client.statuses == [200]
    assert client.transport.is_aborted


def test_a_paused_body_flows_again_once_it_is_only_discarded() -> None:
    client = Client().send(post(10) + b"01234")
    client.exchange.responder.pause_request()
    assert not client.transport.reads
    client.exchange.answer()
    assert client.transport.reads
    client.send(b"56789" + GET)
    assert len(client.handler.exchanges) == 2


# Back-pressure.


def test_a_paused_body_is_not_delivered_and_not_read() -> None:
    client = Client().send(post(10))
    exchange = client.exchange
    exchange.responder.pause_request()
    assert not client.transport.reads
    client.send(b"01234")  # was on its way
    assert exchange.parts == []
    exchange.responder.resume_request()
    assert exchange.parts == [b"01234"]
    assert client.transport.reads


def test_pausing_a_body_that_is_all_there_keeps_the_eye_on_the_client() -> None:
    client = Client().send(post(2) + b"ab")
    client.exchange.responder.pause_request()
    assert client.transport.reads


def test_the_transport_is_told_how_much_may_wait_for_the_client() -> None:
    assert Client(limits=Limits(write_buffer=123)).transport.high == 123


def test_a_slow_client_holds_its_request_back() -> None:
    client = Client().send(GET)
    client.connection.pause_writing()
    assert client.exchange.responder.is_blocked
    client.connection.resume_writing()
    assert not client.exchange.responder.is_blocked
    assert client.exchange.events == ["blocked", "writable"]


def test_a_client_that_blocks_while_its_request_is_handed_over_is_not_missed() -> None:
    handler = DrivenHandler(on_head=lambda exchange: client.connection.pause_writing())
    client = Client(handler)
    client.send(GET)
    assert client.exchange.events == ["blocked"]


# Endings.


def test_a_lost_connection_is_told_at_once_and_only_once() -> None:
    client = Client().send(GET * 2)
    client.disconnect()
    assert client.exchange.events == ["gone"]
    client.exchange.answer()
    assert client.transport.sent == b""
    assert len(client.handler.exchanges) == 1


def test_end_of_file_while_a_request_is_under_way_means_that_the_client_has_gone() -> None:
    client = Client().send(GET)
    assert client.connection.eof_received() is False
    assert client.exchange.events == ["gone"]
    assert client.transport.is_aborted


def test_end_of_file_after_the_answer_lets_it_flow_out() -> None:
    client = Client(answering()).send(GET)
    assert client.connection.eof_received() is False
    assert not client.transport.is_aborted


def test_a_client_that_wants_to_close_is_closed_after_its_answer() -> None:
    client = Client(answering()).send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.is_closed


def test_a_refusal_leaves_time_to_read_it() -> None:
    client = Client().send(b"BROKEN\r\n\r\n" + GET)
    assert client.statuses == [400]
    assert client.transport.has_eof
    assert not client.transport.is_closed
    client.send(b"x" * 100_000)
    client.pass_time(7)
    assert client.transport.is_aborted


def test_a_refused_head_request_gets_no_body() -> None:
    class Failing:
        def handle(self, request: RequestHead, responder: Responder) -> RequestReceiver:
            raise RuntimeError("broken")

    client = Client(server=HttpServer(Failing(), Limits(), SteppedClock(), AT_ONCE))
    client.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.statuses == [500]
    assert client.transport.sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("where", ["on_head", "on_body"])
def test_a_failing_handler_costs_its_request_only(where: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(exchange: Exchange) -> None:
        raise RuntimeError("broken")

    handler = DrivenHandler(on_head=fail) if where == "on_head" else DrivenHandler(on_body=fail)
    client = Client(handler)
    with caplog.at_level(logging.ERROR):
        client.send(GET)
    assert client.statuses == [500]
    assert client.transport.has_eof
    assert b"broken" not in client.transport.sent
    assert "RuntimeError: broken" in caplog.text


def test_a_handler_that_fails_after_bytes_went_out_breaks_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    def fail(exchange: Exchange) -> None:
        exchange.responder.start(STREAM)
        exchange.responder.send(b"half")
        raise RuntimeError("broken")

    client = Client(DrivenHandler(on_body=fail)).send(GET)
    assert client.statuses == [200]
    assert client.transport.is_aborted


def test_a_body_over_the_limit_in_mid_stream_is_refused_or_broken_off() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    refused = Client(limits=Limits(max_body=10)).send(chunked).send(b"b\r\nhello world")
    assert refused.statuses == [413]
    assert refused.exchange.events == ["body_too_large", "gone"]
    begun = Client(limits=Limits(max_body=10)).send(chunked)
    begun.exchange.responder.start(STREAM)
    begun.exchange.responder.send(b"x")
    begun.send(b"b\r\nhello world")
    assert begun.statuses == [200]
    assert begun.transport.is_aborted


# Tunnels.


def test_a_tunnel_passes_the_end_of_file_on_and_stays_half_open() -> None:
    client = Client().send(UPGRADE)
    client.exchange.responder.start(ResponseHead(101, Headers()))
    assert client.connection.eof_received() is True
    assert client.exchange.is_complete
    client.exchange.responder.send(b"bye")
    assert client.transport.sent.endswith(b"bye")
    client.exchange.responder.finish()
    assert client.transport.is_closed


def test_a_tunnel_over_tls_cannot_be_half_open() -> None:
    client = Client().send(UPGRADE)
    client.transport._extra["ssl_object"] = object()  # type: ignore[attr-defined]
    client.exchange.responder.start(ResponseHead(101, Headers()))
    assert client.connection.eof_received() is False


def test_a_refused_upgrade_leaves_an_ordinary_connection() -> None:
    client = Client(answering()).send(UPGRADE + GET)
    assert [exchange.request.path for exchange in client.handler.exchanges] == ["/ws", "/a"]
    assert client.is_open


def test_a_paused_tunnel_is_not_read() -> None:
    client = Client().send(UPGRADE)
    client.exchange.responder.start(ResponseHead(101, Headers()))
    client.exchange.responder.pause_request()
    assert not client.transport.reads
    client.exchange.responder.resume_request()
    client.send(b"data")
    assert client.exchange.parts[-1] == b"data"


@pytest.mark.parametrize(
    ("rest", "wait_s", "code", "status"),
    [
        (b"nonsense\r\n", 0, "body_malformed", 400),
        (b"b\r\nhello world", 0, "body_too_large", 413),
        (b"2\r\nab\r\n", 62, "request_timeout", 408),
    ],
)
def test_a_refused_body_is_answered_by_who_has_the_request(rest: bytes, wait_s: int, code: str, status: int) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = Client(limits=Limits(max_body=10)).send(chunked)
    client.exchange.answers_refusals = True
    client.send(rest)
    client.pass_time(wait_s)
    assert client.exchange.events == [code]
    assert client.statuses == [status]
    assert b"connection: close\r\n" in client.transport.sent
    assert client.transport.sent.endswith(b"\r\n\r\nmine")
    assert client.transport.has_eof
    client.send(GET)
    assert len(client.handler.exchanges) == 1


def test_a_body_that_is_announced_as_too_large_is_answered_before_any_of_it_is_asked_for() -> None:
    client = Client(DrivenHandler(on_head=refusing), Limits(max_body=10))
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
    assert client.exchange.events == ["body_too_large"]
    assert client.statuses == [413]
    assert client.transport.sent.endswith(b"mine")
    assert client.transport.has_eof


# Clocks.


def test_no_clock_runs_out_early() -> None:
    client = Client(limits=Limits(head_timeout_s=5))
    client.clock.monotonic_s += 0.9
    client.send(b"GET / HT")  # noted as of the last sweep
    client.clock.monotonic_s += 4.9
    client.server.sweep()
    assert client.is_open
    client.pass_time(2)
    assert client.statuses == [408]


def test_a_head_that_takes_too_long_is_refused_however_busily_it_drips() -> None:
    client = Client()
    for byte in GET[:40]:
        client.send(bytes([byte]))
        client.pass_time(1.7)
        if not client.is_open:
            break
    assert client.statuses == [408]
    assert 60 < client.clock.monotonic_s - 1000 < 64


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    client = Client()
    client.pass_time(60)
    assert client.is_open
    client.pass_time(2)
    assert client.transport.is_closed
    assert client.transport.sent == b""


def test_an_idle_connection_is_kept_for_its_time_from_the_end_of_the_last_answer() -> None:
    client = Client().send(GET)
    client.pass_time(500)
    client.exchange.answer()
    client.pass_time(74)
    assert client.is_open
    client.pass_time(3)
    assert client.transport.is_closed
    assert client.statuses == [200]


def test_a_request_under_way_has_no_clock_of_ours() -> None:
    client = Client().send(GET)
    client.pass_time(10_000)
    assert client.is_open


def test_a_body_that_stops_is_refused() -> None:
    client = Client().send(post(10) + b"01234")
    client.pass_time(50)
    client.send(b"5")
    client.pass_time(50)
    assert client.is_open
    client.pass_time(12)
    assert client.statuses == [408]
    assert client.exchange.events == ["request_timeout", "gone"]


def test_a_body_that_stops_after_the_answer_began_breaks_the_connection() -> None:
    client = Client().send(post(10) + b"01234")
    client.exchange.responder.start(STREAM)
    client.exchange.responder.send(b"x")
    client.pass_time(62)
    assert client.transport.is_aborted
    assert client.exchange.events == ["gone"]


def test_a_body_that_we_paused_has_no_clock() -> None:
    client = Client().send(post(10) + b"01234")
    client.exchange.responder.pause_request()
    client.pass_time(1_000)
    assert client.is_open
    client.exchange.responder.resume_request()
    client.pass_time(59)
    assert client.is_open


def test_a_client_that_waits_for_100_continue_has_no_body_clock_yet() -> None:
    client = Client().send(post(10, b"Expect: 100-continue\r\n"))
    client.pass_time(1_000)
    assert client.is_open
    client.exchange.responder.ask_for_body()
    client.pass_time(62)
    assert client.statuses == [100, 408]


def test_a_rest_that_never_comes_ends_soon() -> None:
    client = Client(DrivenHandler(on_head=answer_at_once)).send(post(10) + b"01234")
    client.pass_time(7)
    assert client.transport.has_eof
    client.pass_time(7)
    assert client.transport.is_aborted


def test_a_client_that_takes_nothing_is_broken_off() -> None:
    client = Client().send(GET)
    client.exchange.responder.start(STREAM)
    client.exchange.responder.send(b"x" * 1000)
    client.transport.buffered = 1000
    client.pass_time(59)
    client.transport.buffered = 999
    client.pass_time(59)
    assert client.is_open
    client.pass_time(4)
    assert client.transport.is_aborted
    assert client.exchange.events == ["gone"]


def test_a_closing_connection_that_is_not_read_is_broken_off() -> None:
    client = Client(answering()).send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    client.transport.buffered = 10
    client.pass_time(63)
    assert client.transport.is_aborted


def test_a_tunnel_without_a_byte_in_either_direction_ends() -> None:
    client = Client(limits=Limits(tunnel_idle_s=100)).send(UPGRADE)
    client.exchange.responder.start(ResponseHead(101, Headers()))
    client.pass_time(90)
    client.send(b"in")
    client.pass_time(90)
    client.exchange.responder.send(b"out")
    client.pass_time(90)
    assert client.is_open
    client.pass_time(12)
    assert client.transport.is_aborted
    assert client.exchange.events == ["gone"]


def test_a_clock_of_0_is_off() -> None:
    off = Limits(head_timeout_s=0, keep_alive_s=0, body_timeout_s=0, write_timeout_s=0, tunnel_idle_s=0)
    partial, idle, body = Client(limits=off).send(b"GET"), Client(limits=off), Client(limits=off).send(post(5))
    idle.transport.buffered = 5
    for client in (partial, idle, body):
        client.pass_time(10_000)
        assert client.is_open


def test_an_answer_made_in_the_turn_in_which_the_client_ends_its_side_still_goes_out() -> None:
    ends_of_turn: list[Callable[[], None]] = []
    server = HttpServer(answering(), Limits(), SteppedClock(), Flusher(schedule=ends_of_turn.append))
    Client(server=server).send(GET)  # the first write of a turn does not wait
    client = Client(server=server)
    client.send(GET)
    assert client.transport.sent == b""
    assert client.connection.eof_received() is False
    assert client.transport.sent.startswith(b"HTTP/1.1 200 ")
