"""The response machine: what each message means, and that it means the same however it is cut into reads."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.http import HeaderPairs, ResponseHead
from entresol.net.response_machine import ResponseFault, ResponseMachine

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Outcome:
    """What came out of a machine."""

    def __init__(self) -> None:
        self.informational: list[tuple[int, HeaderPairs]] = []
        self.head: ResponseHead | None = None
        self.body = b""
        self.trailers: HeaderPairs = []
        self.is_complete = False
        self.is_tunnel = False
        self.can_reuse = False

    def take(self, machine: ResponseMachine) -> None:
        self.informational += [(status, headers.pairs) for status, headers in machine.informational]
        machine.informational = []
        head = machine.take_head()
        if head is not None:
            assert self.head is None, "a second head"
            self.head = head
        self.body += machine.take_body()
        self.is_complete = machine.is_complete
        self.is_tunnel = machine.is_tunnel
        self.can_reuse = machine.can_reuse
        self.trailers = list(machine.trailers)

    def facts(self) -> tuple[object, ...]:
        head = self.head
        shown = None if head is None else (head.status, head.headers.pairs, head.content_length)
        return (
            self.informational, shown, self.body, self.trailers, self.is_complete, self.is_tunnel, self.can_reuse
        )  # fmt: skip


def run(
    pieces: list[bytes],
    method: str = "GET",
    upgrade: bool = False,
    eof: bool = False,
    machine: ResponseMachine | None = None,
) -> Outcome:
    machine = machine or ResponseMachine()
    machine.expect(method, upgrade)
    outcome = Outcome()
    for piece in pieces:
        if machine.is_complete:  # what the connection does with bytes that nobody waits for
            outcome.can_reuse = False
            return outcome
        machine.feed(piece)
        outcome.take(machine)
    if eof and not machine.is_complete:
        machine.feed_eof()
        outcome.take(machine)
    return outcome


# bytes, method, expected: status, body, complete, reusable
FRAMINGS: list[tuple[str, bytes, str, int, bytes, bool, bool]] = [
    ("content-length", OK + b"Content-Length: 2\r\n\r\nab", "GET", 200, b"ab", True, True),
    ("content-length 0", OK + b"Content-Length: 0\r\n\r\n", "GET", 200, b"", True, True),
    ("content-length, not all there", OK + b"Content-Length: 3\r\n\r\nab", "GET", 200, b"ab", False, False),
    ("chunked", CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "GET", 200, b"abc", True, True),
    ("chunk extension", CHUNKED + b"2;a=b\r\nab\r\n0\r\n\r\n", "GET", 200, b"ab", True, True),
    ("empty chunked body", CHUNKED + b"0\r\n\r\n", "GET", 200, b"", True, True),
    ("no framing: until the end", OK + b"\r\nab", "GET", 200, b"ab", False, False),
    ("close asked for", OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na", "GET", 200, b"a", True, False),
    ("close among options", OK + b"Connection: x, CLOSE\r\nContent-Length: 1\r\n\r\na", "GET", 200, b"a", True, False),
    (
        "two Connection fields",
        OK + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        "GET", 200, b"a", True, False,
    ),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "GET", 200, b"a", True, False),
    (
        "HTTP/1.0 keep-alive",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
        "GET", 200, b"a", True, True,
    ),
    (
        "HTTP/1.0 chunked is faulty framing (RFC 9112 6.1)",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "GET", 200, b"a", True, False,
    ),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, b"", True, True),
    ("204 with a length", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "GET", 204, b"", True, True),
    ("304", b"HTTP/1.1 304 Not Modified\r\n\r\n", "GET", 304, b"", True, True),
    ("304 with a length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 304, b"", True, True),
    ("304 chunked", b"HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", 304, b"", True, True),
    ("304 and bytes", b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nhello", "GET", 304, b"", True, False),
    ("304 and CR LF", b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n\r\n", "GET", 304, b"", True, False),
    ("HEAD with a length", OK + b"Content-Length: 5\r\n\r\n", "HEAD", 200, b"", True, True),
    ("HEAD chunked", CHUNKED, "HEAD", 200, b"", True, True),
    ("HEAD without framing", OK + b"\r\n", "HEAD", 200, b"", True, True),
    ("HEAD, close", OK + b"Connection: Close\r\n\r\n", "HEAD", 200, b"", True, False),
    ("HEAD, HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 200, b"", True, False),
    ("HEAD with a body nonetheless", OK + b"Content-Length: 5\r\n\r\nhello", "HEAD", 200, b"", True, False),
    ("HEAD with a wrong 204", b"HTTP/1.1 204 N\r\n\r\n", "HEAD", 204, b"", True, True),
    ("no reason phrase", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET", 200, b"", True, True),
    ("unusual status", b"HTTP/1.1 799 What\r\nContent-Length: 0\r\n\r\n", "GET", 799, b"", True, True),
    ("bytes after the end", OK + b"Content-Length: 1\r\n\r\naX", "GET", 200, b"a", True, False),
    ("CR LF after the end", OK + b"Content-Length: 1\r\n\r\na\r\n", "GET", 200, b"a", True, False),
    ("CR LF after chunks", CHUNKED + b"1\r\na\r\n0\r\n\r\n\r\n", "GET", 200, b"a", True, False),
    ("a body that ends in CR LF", OK + b"Content-Length: 6\r\n\r\n\r\n\r\n\r\n", "GET", 200, b"\r\n" * 3, True, True),
    (
        "a second response",
        OK + b"Content-Length: 1\r\n\r\na" + OK + b"Content-Length: 6\r\nX: y\r\n\r\nSECRET",
        "GET", 200, b"a", True, False,
    ),
    (
        "a second response after chunks",
        CHUNKED + b"1\r\na\r\n0\r\n\r\n" + OK + b"Content-Length: 6\r\n\r\nSECRET",
        "GET", 200, b"a", True, False,
    ),
    (
        "bytes after close",
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK",
        "GET", 200, b"a", True, False,
    ),
    ("CONNECT refused", b"HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\na", "CONNECT", 403, b"a", True, True),
    ("Upgrade only offered", OK + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na", "GET",
     200, b"a", True, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "method", "status", "body", "complete", "reusable"),
    [case[1:] for case in FRAMINGS],
    ids=[case[0] for case in FRAMINGS],
)
def test_the_body_ends_where_rfc_9112_says(
    message: bytes, method: str, status: int, body: bytes, complete: bool, reusable: bool
) -> None:
    outcome = run([message], method)
    assert outcome.head is not None
    assert (outcome.head.status, outcome.body) == (status, body)
    assert (outcome.is_complete, outcome.can_reuse) == (complete, reusable)


@pytest.mark.parametrize("case", [case for case in FRAMINGS if not case[6]], ids=lambda case: str(case[0]))
def test_what_is_not_reusable_in_one_read_is_not_reusable_byte_by_byte(case: tuple[object, ...]) -> None:
    message, method = case[1], case[2]
    assert isinstance(message, bytes)
    assert isinstance(method, str)
    outcome = run([message[i : i + 1] for i in range(len(message))], method)
    assert not outcome.can_reuse
    assert outcome.body == case[4]


REFUSED: list[tuple[str, bytes]] = [
    ("Content-Length and Transfer-Encoding", OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("the same the other way round", OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
    ("Content-Length and gzip", OK + b"Content-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\na"),
    ("two lengths", OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na"),
    ("the same length twice", OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    ("a list of lengths", OK + b"Content-Length: 1, 1\r\n\r\na"),
    ("a signed length", OK + b"Content-Length: +1\r\n\r\na"),
    ("a negative length", OK + b"Content-Length: -1\r\n\r\na"),
    ("a hexadecimal length", OK + b"Content-Length: 0x1\r\n\r\na"),
    ("an empty length", OK + b"Content-Length:\r\n\r\na"),
    ("a length that overflows", OK + b"Content-Length: 18446744073709551616\r\n\r\na"),
    ("gzip transfer coding", OK + b"Transfer-Encoding: gzip\r\n\r\na"),
    ("gzip, chunked", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked, gzip", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("chunked twice", OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an unknown transfer coding", OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("an empty transfer coding", OK + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    ("a bad chunk size", CHUNKED + b"g\r\nab\r\n0\r\n\r\n"),
    ("a prefixed chunk size", CHUNKED + b"0x2\r\nab\r\n0\r\n\r\n"),
    ("a negative chunk size", CHUNKED + b"-2\r\nab\r\n0\r\n\r\n"),
    ("white space after a chunk size", CHUNKED + b"2 \r\nab\r\n0\r\n\r\n"),
    ("a chunk size ended by LF", CHUNKED + b"2\nab\r\n0\r\n\r\n"),
    ("a chunk size that overflows", CHUNKED + b"fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
    ("a chunk longer than its size", CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"),
    ("Content-Length in trailers", CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
    ("obsolete line folding", OK + b"x: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("bare CR in a value", OK + b"x: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("bare LF in a value", OK + b"x: a\nb: c\r\nContent-Length: 0\r\n\r\n"),
    ("a head with bare LF only", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("a status line ended by LF", b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
    ("NUL in a value", OK + b"x: a\0b\r\nContent-Length: 0\r\n\r\n"),
    ("NUL in the reason phrase", b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"),
    ("a control character in a value", OK + b"x: a\x01b\r\nContent-Length: 0\r\n\r\n"),
    ("white space before the colon", OK + b"x : a\r\nContent-Length: 0\r\n\r\n"),
    ("white space before the first field", OK + b" x: a\r\nContent-Length: 0\r\n\r\n"),
    ("a field without a name", OK + b": a\r\nContent-Length: 0\r\n\r\n"),
    ("a line without a colon", OK + b"x\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status below 100", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("two spaces in the status line", b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/1.2", b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/0.9", b"<html>hello</html>"),
    ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x46"),
    ("a request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("blank lines first", b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("only a blank line", b"\r\n\r\n"),
    ("a status line without status", b"HTTP/1.\r\n\r\n"),
    ("101 that nobody asked for", b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ("an endless row of interim responses", b"HTTP/1.1 103 E\r\n\r\n" * 17),
]


@pytest.mark.parametrize("message", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_malformed_or_ambiguous_response_is_refused(message: bytes, step: int) -> None:
    pieces = [message[i : i + step] for i in range(0, len(message), step)] if step else [message]
    with pytest.raises(ResponseFault):
        run(pieces)


def test_101_without_an_upgrade_field_is_refused() -> None:
    with pytest.raises(ResponseFault):
        run([b"HTTP/1.1 101 Switching Protocols\r\n\r\nabc"], upgrade=True)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"HTTP/1.1 200", OK + b"Content-Length: 2\r\n\r\n", OK + b"Content-Length: 2\r\n\r\na", CHUNKED,
        CHUNKED + b"2\r\nab\r\n", CHUNKED + b"0\r\n", CHUNKED + b"0\r\nX: y\r\n", b"HTTP/1.1 103 Early\r\n\r\n",
    ],
)  # fmt: skip
def test_a_response_that_breaks_off_is_no_whole_one(message: bytes) -> None:
    with pytest.raises(ResponseFault, match="closed"):
        run([message], eof=True)


def test_a_body_without_framing_ends_with_the_connection() -> None:
    outcome = run([OK + b"\r\nab", b"cd"], eof=True)
    assert (outcome.body, outcome.is_complete, outcome.can_reuse) == (b"abcd", True, False)


def test_fields_of_the_connection_stay_with_the_connection() -> None:
    message = (
        OK + b"Content-Type: text/plain\r\nConnection: keep-alive, X-Secret\r\nKeep-Alive: timeout=5\r\nX-Secret: a\r\n"
        b"Proxy-Connection: x\r\nUpgrade: h2c\r\nTrailer: x\r\nSet-Cookie:  a=1 \t\r\nSET-COOKIE: b=2\r\n"
        b"Content-Length: 1\r\n\r\na"
    )
    head = run([message]).head
    assert head is not None
    assert head.headers.pairs == [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert head.content_length == 1


def test_interim_responses_come_before_the_head_and_100_is_swallowed() -> None:
    message = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 199 Odd\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nab"
    )
    outcome = run([message])
    assert outcome.informational == [(103, [(b"link", b"</a>")]), (199, [])]
    assert outcome.head is not None
    assert outcome.head.headers.pairs == [(b"x", b"y")]
    assert (outcome.body, outcome.can_reuse) == (b"ab", True)


def test_trailers_are_kept_apart_from_the_head_and_cannot_frame() -> None:
    message = CHUNKED + b"2\r\nab\r\n0\r\nX-Sum: 1\r\nConnection: close\r\nUpgrade: x\r\n\r\n"
    outcome = run([message])
    assert outcome.trailers == [(b"x-sum", b"1")]
    assert outcome.head is not None
    assert outcome.head.headers.pairs == []


@pytest.mark.parametrize(
    ("method", "upgrade", "head"),
    [
        ("GET", True, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        ("CONNECT", False, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_after_a_switch_of_protocols_bytes_pass_untouched(method: str, upgrade: bool, head: bytes) -> None:
    outcome = run([head + b"\x81\x00", b"HTTP/1.1 999"], method, upgrade, eof=True)
    assert outcome.is_tunnel
    assert (outcome.body, outcome.is_complete, outcome.can_reuse) == (b"\x81\x00HTTP/1.1 999", True, False)
    if upgrade:
        assert outcome.head is not None
        assert outcome.head.headers.pairs == [(b"upgrade", b"websocket")]


def test_a_refused_upgrade_is_an_ordinary_response() -> None:
    outcome = run([b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\na"], upgrade=True)
    assert not outcome.is_tunnel
    assert (outcome.body, outcome.can_reuse) == (b"a", True)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_head_larger_than_the_limit_is_refused(is_whole: bool) -> None:
    machine = ResponseMachine(max_head_bytes=1000)
    message = OK + b"x: " + b"a" * 2000 + (b"\r\n\r\n" if is_whole else b"")
    with pytest.raises(ResponseFault, match="1000 bytes"):
        run([message], machine=machine)


def test_more_fields_than_the_limit_are_refused() -> None:
    head = OK + b"".join(b"x%d: y\r\n" % number for number in range(11)) + b"Content-Length: 0\r\n\r\n"
    with pytest.raises(ResponseFault, match="10 header fields"):
        run([head], machine=ResponseMachine(max_headers=10))


def test_more_trailers_than_the_limit_are_refused() -> None:
    message = CHUNKED + b"0\r\n" + b"x: y\r\n" * 11 + b"\r\n"
    with pytest.raises(ResponseFault, match="10 trailer fields"):
        run([message], machine=ResponseMachine(max_headers=10))


@pytest.mark.parametrize("junk", [b"x: y\r\n", b"a"])
def test_endless_trailers_are_refused(junk: bytes) -> None:
    machine = ResponseMachine(max_head_bytes=4096)
    with pytest.raises(ResponseFault, match="without content"):
        run([CHUNKED + b"0\r\nx: ", *[junk] * 5000], machine=machine)


def test_bytes_that_no_request_asked_for_are_refused() -> None:
    with pytest.raises(ResponseFault, match="no request"):
        ResponseMachine().feed(OK)


def test_a_machine_serves_one_response_after_the_other() -> None:
    machine = ResponseMachine()
    for method, message, body in [
        ("GET", CHUNKED + b"1\r\na\r\n0\r\nX: y\r\n\r\n", b"a"),
        ("HEAD", OK + b"Content-Length: 5\r\n\r\n", b""),
        ("POST", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nb", b"b"),
        ("GET", b"HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n", b""),
        ("GET", OK + b"Content-Length: 1\r\n\r\nc", b"c"),
    ]:
        outcome = run([message], method, machine=machine)
        assert (outcome.body, outcome.is_complete, outcome.can_reuse) == (body, True, True)
    assert outcome.trailers == []


def test_all_pieces_of_one_read_come_out_as_one() -> None:
    machine = ResponseMachine()
    machine.expect("GET", False)
    machine.feed(CHUNKED + b"1\r\na\r\n1\r\nb\r\n1\r\nc")
    assert machine.take_body() == b"abc"
    assert machine.take_body() == b""


def test_a_head_sent_byte_by_byte_costs_linear_time() -> None:
    def seconds(size: int) -> float:
        head = OK + b"x: " + b"a" * size + b"\r\nContent-Length: 0\r\n\r\n"
        best = 1e9
        for _ in range(5):
            machine = ResponseMachine(max_head_bytes=1 << 20)
            machine.expect("GET", False)
            start = time.process_time()
            for index in range(len(head)):
                machine.feed(head[index : index + 1])
            best = min(best, time.process_time() - start)
        return best

    # eight times the bytes: about 8 times the time when linear, 64 times when quadratic
    assert seconds(160_000) < seconds(20_000) * 24


WHOLE_MESSAGES = [(case[1], case[2]) for case in FRAMINGS] + [
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + CHUNKED
        + b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n",
        "GET",
    ),
    (b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "GET"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "method"), WHOLE_MESSAGES)
def test_a_message_cut_in_two_anywhere_means_the_same(message: bytes, method: str) -> None:
    whole = run([message], method)
    for cut in range(1, len(message)):
        outcome = run([message[:cut], message[cut:]], method)
        assert outcome.facts()[:-1] == whole.facts()[:-1], cut
        assert outcome.can_reuse or not whole.can_reuse, cut


@given(st.sampled_from(WHOLE_MESSAGES), st.lists(st.integers(1, 300), max_size=12))
def test_a_message_cut_anywhere_means_the_same(case: tuple[bytes, str], cuts: list[int]) -> None:
    message, method = case
    points = sorted({0, *[cut for cut in cuts if cut < len(message)], len(message)})
    pieces = [message[start:end] for start, end in itertools.pairwise(points)]
    assert run(pieces, method).facts()[:-1] == run([message], method).facts()[:-1]


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 ", OK, CHUNKED, CHUNKED + b"2\r\nab\r\n"]))
def test_garbage_never_raises_anything_but_a_fault(garbage: bytes, start: bytes) -> None:
    try:
        run([start + garbage], eof=True)
    except ResponseFault:
        return
