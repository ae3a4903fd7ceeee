"""Request heads: what is written, what is refused, what belongs to the transport."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.core.http import HeaderPairs, Headers, Origin, Timeouts, UpstreamRequest
from entresol.net.request_writer import encode_chunk, serialise_head

ORIGIN = Origin("http", "a.test", 80)


def request(
    method: str = "GET", target: str = "/", headers: HeaderPairs | None = None, upgrade: bytes | None = None,
    host: str = "a.test",
) -> UpstreamRequest:  # fmt: skip
    return UpstreamRequest(ORIGIN, method, target, Headers(headers or []), host, Timeouts(), upgrade)


@pytest.mark.parametrize(
    ("message", "body", "last", "head", "length"),
    [
        (request(), b"", True, b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n", 0),
        (request("POST"), b"", True, b"POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 0\r\n\r\n", 0),
        (request("PUT"), b"abc", True, b"PUT / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\n\r\n", 3),
        (request("GET"), b"abc", True, b"GET / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 3\r\n\r\n", 3),
        (request("POST"), b"a", False, b"POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n", None),
        (
            request("POST", headers=[(b"content-length", b"12")]), b"a", False,
            b"POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 12\r\n\r\n", 12,
        ),
        (
            request("POST", headers=[(b"content-length", b"12")]), b"a", True,
            b"POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 1\r\n\r\n", 1,
        ),
        (
            request(upgrade=b"websocket"), b"", True,
            b"GET / HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 0,
        ),
        (
            request(headers=[(b"accept", b"*/*"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x", b"")]), b"", True,
            b"GET / HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\ncookie: a=1\r\ncookie: b=2\r\nx: \r\n\r\n", 0,
        ),
        (
            request("OPTIONS", "*", host="a.test:81"), b"", True,
            b"OPTIONS * HTTP/1.1\r\nhost: a.test:81\r\n\r\n", 0,
        ),
    ],
)  # fmt: skip
def test_the_head_is_host_fields_and_one_framing(
    message: UpstreamRequest, body: bytes, last: bool, head: bytes, length: int | None
) -> None:
    assert serialise_head(message, body, last) == (head, length)


OURS = [
    b"host", b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"expect", b"proxy-authorization",
]  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_fields_that_the_transport_owns_are_never_copied(name: bytes) -> None:
    message = request("POST", headers=[(b"x-before", b"1"), (name, b"evil"), (b"x-after", b"2")])
    head, _ = serialise_head(message, b"a", True)
    assert b"evil" not in head
    assert b"x-before: 1\r\nx-after: 2\r\n" in head


@pytest.mark.parametrize("name", [b"Host", b"Transfer-Encoding", b"CONTENT-LENGTH", b"Connection"])
def test_a_field_that_the_transport_owns_cannot_hide_in_capitals(name: bytes) -> None:
    with pytest.raises(ClientError):
        serialise_head(request("POST", headers=[(name, b"1")]), b"a", True)


BREAKING: list[UpstreamRequest] = [
    request("GET / HTTP/1.1\r\nx:"),
    request("G T"),
    request("GET\t"),
    request(target="/a b"),
    request(target="/a\r\n\r\nGET /admin"),
    request(target="/a\nx"),
    request(target="/a\0"),
    request(target="/a\x7f"),
    request(target="/\u20ac"),
    request(host="a.test\r\nx: y"),
    request(host="a test"),
    request(host="\u20ac.test"),
    request(headers=[(b"x", b"a\r\ny: z")]),
    request(headers=[(b"x", b"a\ry")]),
    request(headers=[(b"x", b"a\ny")]),
    request(headers=[(b"x", b"\0")]),
    request(headers=[(b"x", b"a\r\n\r\n")]),
    request(headers=[(b"x\r\ny", b"a")]),
    request(headers=[(b"x:y", b"a")]),
    request(headers=[(b"x ", b"a")]),
    request(headers=[(b"\xe9", b"a")]),
    request(headers=[(b"", b"a")]),
    request(upgrade=b"websocket\r\nx: y"),
    request(upgrade=b"web socket"),
]


@pytest.mark.parametrize("message", BREAKING)
def test_what_would_break_the_head_is_refused(message: UpstreamRequest) -> None:
    with pytest.raises(ClientError) as caught:
        serialise_head(message, b"", True)
    assert (caught.value.status, caught.value.code) == (400, "request_not_sendable")


@pytest.mark.parametrize("length", [b"", b"-1", b"+1", b"1 ", b"0x1", b"1, 1", b"9" * 19])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(ClientError):
        serialise_head(request("POST", headers=[(b"content-length", length)]), b"", False)


def test_refusals_do_not_repeat_the_value() -> None:
    with pytest.raises(ClientError) as caught:
        serialise_head(request(headers=[(b"authorization", b"Bearer sk-secret\n")]), b"", True)
    assert "secret" not in str(caught.value)


@given(
    st.text(st.characters(max_codepoint=0x17F), max_size=20),
    st.text(st.characters(max_codepoint=0x17F), max_size=20),
    st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=5),
)
def test_an_independent_parser_reads_back_what_was_meant_or_nothing_was_written(
    method: str, target: str, headers: HeaderPairs
) -> None:
    try:
        head, _ = serialise_head(request(method, target, headers), b"", True)
    except ClientError:
        return
    lines = head.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    names = [line.partition(b": ")[0] for line in lines[1:-2]]
    ours = {*OURS, b"content-length", b"proxy-authenticate"}
    meant = [b"host", *[name for name, _ in headers if name not in ours]]
    assert [name for name in names if name != b"content-length"] == meant


@given(st.lists(st.tuples(st.from_regex(r"\Ax-[a-z]{1,8}\Z"), st.from_regex(r"\A[!-~]{1,20}\Z")), max_size=6))
def test_h11_reads_the_same_fields(fields: list[tuple[str, str]]) -> None:
    headers = [(name.encode(), value.encode()) for name, value in fields]
    head, _ = serialise_head(request("POST", "/a?b=c", headers), b"body", True)
    server = h11.Connection(h11.SERVER)
    server.receive_data(head + b"body")
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target) == (b"POST", b"/a?b=c")
    assert list(event.headers) == [(b"host", b"a.test"), *headers, (b"content-length", b"4")]


@pytest.mark.parametrize(
    ("data", "last", "trailers", "encoded"),
    [
        (b"abc", False, None, b"3\r\nabc\r\n"),
        (b"", False, None, b""),
        (b"", True, None, b"0\r\n\r\n"),
        (b"x" * 16, True, None, b"10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n"),
        (b"a", True, [(b"x", b"1"), (b"y", b"2")], b"1\r\na\r\n0\r\nx: 1\r\ny: 2\r\n\r\n"),
        (b"", True, [(b"Content-Length", b"1"), (b"x", b"a\nb"), (b"b d", b"1"), (b"ok", b"1")], b"0\r\nok: 1\r\n\r\n"),
    ],
)
def test_chunks_are_coded_and_trailers_cannot_frame(
    data: bytes, last: bool, trailers: HeaderPairs | None, encoded: bytes
) -> None:
    assert encode_chunk(data, last, trailers) == encoded
