"""The request machine: events, limits, what is refused, and what bytes cost."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.core.http import RequestHead
from entresol.net import refusals
from entresol.net.limits import Limits
from entresol.net.refusals import Refusal
from entresol.net.request_checks import refuse_path
from entresol.net.request_machine import BodyPart, Event, RequestMachine
from unit.net.client_side import CONNECTION, GET

LIMITS = Limits(max_head=1_000, max_request_line=200, max_headers=10, max_body=5_000)

POST = b"POST / HTTP/1.1\r\nHost: h\r\n"

Shape = tuple[object, ...]


def shape(event: Event) -> Shape:
    """An event as a comparable value."""
    if isinstance(event, RequestHead):
        fields = tuple(event.headers.pairs)
        return "head", event.method, event.path, event.query, fields, event.version, event.upgrade
    if isinstance(event, BodyPart):
        return "body", event.data, event.last, tuple(event.trailers)
    return "refusal", event.status, event.code


def merged(events: list[Event]) -> list[Shape]:
    """Events with the parts of one body joined: how bytes were cut must not show."""
    shapes: list[Shape] = []
    body = b""
    for event in events:
        if isinstance(event, BodyPart):
            body += event.data
            if not event.last:
                continue
            shapes.append(shape(BodyPart(body, True, event.trailers)))
            body = b""
        else:
            shapes.append(shape(event))
    return [*shapes, ("open body", body)] if body else shapes


def feed(machine: RequestMachine, data: bytes) -> list[Event]:
    machine.receive(data)
    events = []
    while (event := machine.next_event()) is not None:
        events.append(event)
    return events


def run(data: bytes, size: int | None = None, limits: Limits = LIMITS) -> list[Event]:
    """Everything `data` makes when it arrives in pieces of `size` bytes."""
    machine = RequestMachine(limits, CONNECTION)
    size = size or len(data)
    return [event for start in range(0, len(data), size) for event in feed(machine, data[start : start + size])]


def only_refusal(data: bytes, limits: Limits = LIMITS) -> Refusal:
    refusal = run(data, limits=limits)[-1]
    assert isinstance(refusal, Refusal), refusal
    return refusal


def test_a_request_becomes_a_head_and_a_body() -> None:
    head, body = run(b"POST /a%20b?c=d HTTP/1.1\r\nHost: h \r\nX-A:\t b\t\r\nContent-Length: 5\r\n\r\nhello")
    assert isinstance(head, RequestHead)
    assert (head.method, head.path, head.query, head.version) == ("POST", "/a%20b", "c=d", "1.1")
    assert head.headers.pairs == [(b"host", b"h"), (b"x-a", b"b"), (b"content-length", b"5")]
    assert head.connection is CONNECTION
    assert shape(body) == ("body", b"hello", True, ())


@pytest.mark.parametrize(
    ("target", "query", "is_empty"),
    [
        (b"/x?", "", True),
        (b"http://h/x?", "", True),
        (b"http://h?", "", True),
        (b"/x", "", False),
        (b"/x??", "?", False),
        (b"/x?a", "a", False),
    ],
)
def test_an_empty_query_is_told_from_none_however_often_the_head_comes(
    target: bytes, query: str, is_empty: bool
) -> None:
    heads = [
        event for event in run(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target * 3) if isinstance(event, RequestHead)
    ]
    assert [(head.query, head.has_empty_query) for head in heads] == [(query, is_empty)] * 3


def test_a_request_without_a_body_ends_with_its_head() -> None:
    assert [shape(event)[0] for event in run(GET)] == ["head", "body"]
    assert shape(run(GET)[1]) == ("body", b"", True, ())
    zero = run(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    assert shape(zero[1]) == ("body", b"", True, ())


def test_pipelined_requests_come_one_by_one_and_the_rest_stays_unread() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    machine.receive(GET * 3)
    assert isinstance(machine.next_event(), RequestHead)
    assert isinstance(machine.next_event(), BodyPart)
    assert machine.unread == 2 * len(GET)
    assert not machine.is_between_requests
    machine.receive(GET)
    assert machine.unread == 3 * len(GET)
    assert [shape(event)[0] for event in feed(machine, b"")] == ["head", "body"] * 3
    assert machine.is_between_requests


def test_a_body_part_is_the_read_itself_without_a_copy() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    feed(machine, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n")
    piece = b"x" * 1000
    (part,) = feed(machine, piece)
    assert isinstance(part, BodyPart)
    assert part.data is piece
    assert machine.body_left == 3000


def test_the_host_of_an_absolute_target_replaces_the_field() -> None:
    head = run(b"GET http://real:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n")[0]
    assert isinstance(head, RequestHead)
    assert (head.path, head.query, head.headers.get_all(b"host")) == ("/p", "q", [b"real:81"])


def test_one_empty_line_before_a_request_is_ignored_and_no_second() -> None:
    for size in (1, 2, 3, None):
        assert [shape(event)[0] for event in run(b"\r\n" + GET + b"\r\n" + GET, size)] == ["head", "body"] * 2
        assert merged(run(b"\r\n\r\n" + GET, size)) == [("refusal", 400, "request_malformed")]


def test_an_upgrade_is_a_head_that_says_so() -> None:
    head = run(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")[0]
    assert isinstance(head, RequestHead)
    assert head.upgrade


@pytest.mark.parametrize("size", [1, 7, None])
def test_an_upgrade_that_brings_a_body_is_an_ordinary_request(size: int | None) -> None:
    for framing, body in (
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    ):
        data = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n" + framing + b"\r\n\r\n" + body
        shapes = merged(run(data + GET, size))
        assert [each[0] for each in shapes] == ["head", "body", "head", "body"]
        assert shapes[0][-1] is False
        assert shapes[1][1] == b"hello"


def test_after_the_switch_bytes_pass_unread() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    machine.receive(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x00early")
    machine.next_event()
    machine.next_event()
    machine.switch_protocols()
    assert [shape(event) for event in feed(machine, b"\xff\r\n\r\n")] == [("body", b"\x00early\xff\r\n\r\n", False, ())]
    assert [shape(event) for event in feed(machine, b"GET")] == [("body", b"GET", False, ())]


def test_the_client_says_whether_it_waits_and_whether_it_comes_again() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    feed(machine, b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")
    assert machine.expects_continue
    assert machine.keep_alive
    feed(machine, b"xGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert not machine.expects_continue
    assert not machine.keep_alive


def test_a_head_that_comes_again_with_a_body_is_read_anew_where_that_matters() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    waiting = POST + b"Expect: 100-continue\r\nContent-Length: "
    feed(machine, waiting + b"0\r\n\r\n")
    assert not machine.expects_continue
    feed(machine, waiting + b"3\r\n\r\n")
    assert machine.expects_continue
    upgrading = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: "
    upgrades = []
    for length in (b"3\r\n\r\nabc", b"0\r\n\r\n", b"3\r\n\r\nabc"):
        machine = machine if upgrades else RequestMachine(LIMITS, CONNECTION)
        head = feed(machine, upgrading + length)[0]
        assert isinstance(head, RequestHead)
        upgrades.append(head.upgrade)
    assert upgrades == [False, True, False]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "framing_ambiguous"),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "framing_ambiguous"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "transfer_coding_unsupported"),
        (b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "framing_ambiguous"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "host_missing"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "header_repeated"),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host_invalid"),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "host_invalid"),
        (b"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, "host_invalid"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: a\r\n\r\n", 400, "header_repeated"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400, "request_malformed"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400, "request_malformed"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n", 400, "request_malformed"),
        (b"GET / HTTP/1.1\rX: y\r\nHost: h\r\n\r\n", 400, "request_malformed"),
        (b"GET / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n", 400, "request_malformed"),
        (b"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "target_invalid"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version_unsupported"),
        (b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505, "http_version_unsupported"),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 405, "connect_unsupported"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", 417, "expectation_failed"),
        (b"GET /" + b"a" * 200 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414, "request_line_too_long"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 1000 + b"\r\n\r\n", 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 10 + b"\r\n", 431, "headers_too_many"),
    ],
)  # fmt: skip
def test_a_bad_head_is_refused_the_same_however_it_is_cut(data: bytes, status: int, code: str) -> None:
    for size in (None, 1, 5):
        assert merged(run(data, size))[-1] == ("refusal", status, code)
        assert len(merged(run(data, size))) == 1


def test_a_body_that_is_announced_as_too_large_is_refused_once_its_head_is_out() -> None:
    for fields in (b"", b"Expect: 100-continue\r\n"):
        head = b"POST / HTTP/1.1\r\nHost: h\r\n" + fields + b"Content-Length: %d\r\n\r\n"
        for data in (head % 5001, head % 5000 + b"x" * 5000 + head % 5001):
            *_, before, last = merged(run(data + b"x" * 5001))
            assert (before[0], last) == ("head", ("refusal", 413, "body_too_large"))


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\x16\x03\x01\x02\x00", refusals.TLS_ON_PLAIN_PORT),
        (b"\x00", refusals.NOT_HTTP),
        (b"GET / HTTP/1.1\n", refusals.BARE_LINE_FEED),
        (b"GET / HTTP/1.1\r\nHost: h\n", refusals.BARE_LINE_FEED),
        (b"\n", refusals.BARE_LINE_FEED),
        (b"GET /" + b"a" * 300, refusals.REQUEST_LINE_TOO_LONG),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, refusals.HEAD_TOO_LARGE),
    ],
)
def test_what_can_never_become_a_head_is_refused_before_its_end(data: bytes, refusal: Refusal) -> None:
    for size in (1, None):
        assert run(data, size) == [refusal]


def test_after_a_refusal_nothing_more_comes() -> None:
    machine = RequestMachine(LIMITS, CONNECTION)
    assert len(feed(machine, b"BAD\r\n\r\n" + GET)) == 1
    assert feed(machine, GET) == []
    assert machine.unread == 0


def test_a_body_limit_of_0_takes_any_length() -> None:
    data = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n"
    assert isinstance(run(data, limits=Limits(max_body=0))[0], RequestHead)


def test_a_chunked_body_over_the_limit_is_refused_in_mid_body() -> None:
    data = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1771\r\n" + b"x" * 6001
    assert only_refusal(data) == refusals.BODY_TOO_LARGE


# Properties.

TOKEN = st.text("abcXYZ-_09", min_size=1, max_size=8).map(str.encode)
VALUE = st.text('abc ,;="/\t\xe9', max_size=12).map(lambda text: text.encode("latin-1").strip(b" \t"))
BODY = st.binary(max_size=60) | st.sampled_from([b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"0\r\n\r\n"])


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[Shape]]:
    """A valid request and the events it must make."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]))
    path = draw(st.text("ab/%20.~", max_size=10).map("/{}".format).filter(lambda path: refuse_path(path) is None))
    query = draw(st.text("ab=&?%", max_size=10))
    fields = [(b"host", b"gateway.test:80")]
    fields += [(b"x-" + name, value) for name, value in draw(st.lists(st.tuples(TOKEN, VALUE), max_size=4))]
    body = draw(BODY)
    chunked = draw(st.booleans())
    trailers: list[tuple[bytes, bytes]] = []
    if chunked:
        cuts = sorted(draw(st.sets(st.integers(0, len(body)), max_size=3)) | {0, len(body)})
        pieces = [body[start:stop] for start, stop in pairwise(cuts) if stop > start]
        trailers = [(b"x-t", value) for value in draw(st.lists(VALUE, max_size=2))]
        fields.append((b"transfer-encoding", b"chunked"))
        wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"
        wire += b"".join(b"%b: %b\r\n" % pair for pair in trailers) + b"\r\n"
    else:
        if body or draw(st.booleans()):
            fields.append((b"content-length", b"%d" % len(body)))
        wire = body
    line = f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n".encode()
    head = line + b"".join(b"%b: %b\r\n" % pair for pair in fields) + b"\r\n"
    lowered = tuple((name.lower(), value) for name, value in fields)
    expected: list[Shape] = [
        ("head", method, path, query, lowered, "1.1", False),
        ("body", body, True, tuple(trailers)),
    ]
    return head + wire, expected


@settings(max_examples=60)
@given(st.lists(messages(), min_size=1, max_size=3))
def test_valid_messages_cut_at_every_byte_make_the_same_events(stream: list[tuple[bytes, list[Shape]]]) -> None:
    data = b"".join(wire for wire, _ in stream)
    expected = [event for _, events in stream for event in events]
    assert merged(run(data)) == expected
    for cut in range(1, len(data)):
        machine = RequestMachine(LIMITS, CONNECTION)
        assert merged(feed(machine, data[:cut]) + feed(machine, data[cut:])) == expected
    assert merged(run(data, 1)) == expected


FRAGMENTS = [b"GET ", b"POST ", b"/ ", b"HTTP/1.1", b"\r\n", b"\n", b"Host: h", b"5\r\n", b"0\r\n\r\n", b"\x00", b" "]
FRAGMENTS += [b"Transfer-Encoding: chunked", b"Content-Length: 3", b"\r\n\r\n", GET, POST]
NOISE = st.binary(max_size=200) | st.lists(st.sampled_from(FRAGMENTS), max_size=20).map(b"".join)


@settings(max_examples=300)
@given(NOISE, st.data())
def test_any_bytes_make_the_same_events_however_they_are_cut(data: bytes, drawn: st.DataObject) -> None:
    cuts = sorted(drawn.draw(st.sets(st.integers(0, len(data)), max_size=6)))
    machine = RequestMachine(LIMITS, CONNECTION)
    events = [
        e for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True) for e in feed(machine, data[start:stop])
    ]
    whole = merged(run(data)) if data else []
    pieces = merged(events)
    assert [each[0] for each in pieces] == [each[0] for each in whole]
    assert [each for each in pieces if each[0] != "refusal"] == [each for each in whole if each[0] != "refusal"]


# Cost.


class CountingBytes(bytearray):
    """A buffer that counts the bytes its searches look at."""

    looked_at = 0

    def find(self, sub: object, start: int = 0, stop: int | None = None) -> int:  # type: ignore[override]
        CountingBytes.looked_at += (len(self) if stop is None else min(stop, len(self))) - start
        return super().find(sub, start, len(self) if stop is None else stop)  # type: ignore[arg-type]

    def count(self, sub: object, start: int = 0, stop: int | None = None) -> int:  # type: ignore[override]
        CountingBytes.looked_at += (len(self) if stop is None else stop) - start
        return super().count(sub, start, len(self) if stop is None else stop)  # type: ignore[arg-type]


def work_for_a_head_of(size: int) -> int:
    """Bytes looked at while a head of `size` bytes arrives byte by byte."""
    machine = RequestMachine(Limits(max_head=10 * size), CONNECTION)
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * size
    feed(machine, head[:1])
    machine._held = CountingBytes(machine._held)
    CountingBytes.looked_at = 0
    for index in range(1, len(head)):
        assert feed(machine, head[index : index + 1]) == []
    assert type(machine._held) is CountingBytes, "the head was copied on the way"
    return CountingBytes.looked_at


def test_a_head_sent_byte_by_byte_costs_linear_work() -> None:
    assert work_for_a_head_of(20_000) < 2.2 * work_for_a_head_of(10_000)
    assert work_for_a_head_of(10_000) < 12 * 10_000
