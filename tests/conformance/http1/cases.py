"""Messages that must not pass, as data: their bytes, the answers, the section that says so, what may get through.

`GOOD` messages before a bad one show that a refusal does not depend on being the first on its connection.
"""

from dataclasses import dataclass
from typing import Final

HOST: Final = b"Host: api.test\r\n"
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"
GOOD: Final = b"GET /good HTTP/1.1\r\nHost: api.test\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """One byte string that a client sends on a new connection."""

    name: str
    data: bytes
    answers: tuple[int, ...]
    """The status of each answer, in order. Good messages before the bad one are answered 200."""
    section: str
    """Where the rule stands: an RFC and section, or the limit that is exceeded."""
    closes: bool = True
    """Whether the connection must be closed after the last answer; else it must stay usable."""
    passes: tuple[str, ...] = ()
    """Targets of the requests that arrive whole upstream."""
    hangs_up: bool = False
    """The client closes its side after the bytes."""


def bad(name: str, data: bytes, section: str, status: int = 400) -> Case:
    """A message that is refused at once, and the connection with it."""
    return Case(name, data, (status,), section)


def get(*lines: bytes, line: bytes = b"GET /case HTTP/1.1", host: bytes = HOST) -> bytes:
    """A head from its lines, each without CRLF."""
    return line + b"\r\n" + host + b"".join(field + b"\r\n" for field in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST from field lines and the bytes after its head."""
    return get(*lines, line=b"POST /case HTTP/" + version) + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A POST with a chunked body, given as it stands on the wire."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


CL: Final = "RFC 9112 §6.3, RFC 9110 §8.6"
TE: Final = "RFC 9112 §6.1, §6.3"
CHUNK: Final = "RFC 9112 §7.1"
TRAILER: Final = "RFC 9112 §7.1.2, §5"
FIELD: Final = "RFC 9112 §5, RFC 9110 §5.5"
NAME: Final = "RFC 9112 §5.1"
LINE: Final = "RFC 9112 §3"
TARGET: Final = "RFC 9112 §3.2"
HOSTS: Final = "RFC 9112 §3.2, RFC 9110 §7.2"
ENDS: Final = "RFC 9112 §2.2"

LENGTHS: Final = [
    bad(f"Content-Length is {what}", post(b"Content-Length: " + value, body=b"hello" + SMUGGLED), CL)
    for what, value in (
        ("a list of equal numbers", b"5, 5"),
        ("a list of different numbers", b"5, 47"),
        ("signed +", b"+5"),
        ("negative", b"-5"),
        ("hexadecimal", b"0x5"),
        ("two numbers", b"5 5"),
        ("empty", b""),
        ("followed by a semicolon", b"5;"),
        ("over 64 bits, 5 when wrapped", b"18446744073709551621"),
        ("of thirty digits", b"9" * 30),
        ("followed by a vertical tab", b"5\x0b"),
        ("preceded by a form feed", b"\x0c5"),
        ("in Arabic digits", "\u0665".encode()),
        ("with an underscore", b"4_7"),
        ("a decimal fraction", b"5.0"),
        ("in scientific notation", b"5e0"),
        ("quoted", b'"5"'),
        ("a word", b"five"),
    )
] + [
    bad(
        "two different Content-Length", post(b"Content-Length: 5", b"Content-Length: 47", body=b"hello" + SMUGGLED), CL
    ),
    bad("two equal Content-Length", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), CL),
    bad("Content-Length with a space before the colon", post(b"Content-Length : 5", body=b"hello"), NAME),
    bad("Content-Length folded onto a second line", post(b"Content-Length: 4\r\n 7", body=b"hello" + SMUGGLED), FIELD),
]

CODINGS: Final = [
    bad(
        "Content-Length, then chunked",
        post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
        TE,
    ),
    bad(
        "chunked, then Content-Length",
        post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"2e\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"),
        TE,
    ),
    bad(
        "Content-Length 0 and chunked",
        post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
        TE,
    ),
    bad("chunked in HTTP/1.0", post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED, version=b"1.0"), TE),
    *(
        bad(
            f"Transfer-Encoding: {what}", post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n" + SMUGGLED), TE, status
        )
        for what, value, status in (
            ("identity", b"identity", 400),
            ("chunked, identity", b"chunked, identity", 400),
            ("chunked, gzip", b"chunked, gzip", 400),
            ("gzip", b"gzip", 400),
            ("gzip, chunked", b"gzip, chunked", 501),
            ("identity, chunked", b"identity, chunked", 501),
            ("chunked, chunked", b"chunked, chunked", 400),
            ("an unknown coding", b"xchunked", 400),
            ("chunked with a parameter", b"chunked;q=1", 400),
            ("chunked in quotes", b'"chunked"', 400),
            ("a vertical tab before chunked", b"\x0bchunked", 400),
            ("NUL after chunked", b"chunked\0", 400),
            ("a comma before chunked", b", chunked", 501),
            ("a comma after chunked", b"chunked,", 400),
            ("empty", b"", 400),
            ("chunked with a byte over 127", b"chunked\xff", 400),
            ("chunked before white space, which a recipient may take but llhttp does not", b"chunked \t", 400),
        )
    ),
    bad(
        "Transfer-Encoding twice",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
        TE,
    ),
    bad(
        "Transfer-Encoding chunked, then identity",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED),
        TE,
    ),
    bad(
        "Transfer-Encoding with a space before the colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), NAME
    ),
    bad("Transfer-Encoding folded", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n" + SMUGGLED), FIELD),
    bad(
        "Transfer-Encoding behind a bare CR",
        post(b"X-A: b\rTransfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
        FIELD,
    ),
    bad(
        "Transfer-Encoding behind a bare LF",
        post(b"X-A: b\nTransfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
        ENDS,
    ),
]

CHUNKS: Final = [
    bad(f"chunk size {what}", chunked(body), CHUNK)
    for what, body in (
        ("negative", b"-5\r\nhello\r\n0\r\n\r\n"),
        ("with 0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
        ("with a plus sign", b"+5\r\nhello\r\n0\r\n\r\n"),
        ("over 64 bits, 5 when wrapped", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("of eighteen digits", b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("after a space", b" 5\r\nhello\r\n0\r\n\r\n"),
        ("before a space", b"5 \r\nhello\r\n0\r\n\r\n"),
        ("before a tab", b"5\t\r\nhello\r\n0\r\n\r\n"),
        ("missing", b"\r\nhello\r\n0\r\n\r\n"),
        ("not hexadecimal", b"g\r\nhello\r\n0\r\n\r\n"),
        ("with an underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
        ("ended by LF alone", b"5\nhello\r\n0\r\n\r\n"),
        ("ended by CR alone", b"5\rhello\r\n0\r\n\r\n"),
        ("smaller than the data", b"4\r\nhello\r\n0\r\n\r\n"),
        ("larger than the data", b"6\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
        ("before NUL", b"5\0\r\nhello\r\n0\r\n\r\n"),
        ("with an extension behind a bare LF", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ("with an extension behind a bare CR", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("with NUL in its extension", b"5;a=\0\r\nhello\r\n0\r\n\r\n"),
        ("with an unended quoted extension", b'5;a="b\r\nhello\r\n0\r\n\r\n'),
        ("with an extension over the limit", b"5;" + b"a" * 60_000 + b"\r\nhello\r\n0\r\n\r\n"),
    )
] + [
    bad("chunk data without CRLF", chunked(b"5\r\nhello0\r\n\r\n"), CHUNK),
    bad("chunk data ended by LF alone", chunked(b"5\r\nhello\n0\r\n\r\n"), CHUNK),
    bad("chunk data ended by CR alone", chunked(b"5\r\nhello\r0\r\n\r\n"), CHUNK),
    bad("last chunk ended by LF alone", chunked(b"5\r\nhello\r\n0\n\r\n" + SMUGGLED), CHUNK),
    bad("a trailer line ended by LF alone", chunked(b"0\r\nX-A: b\n\r\n" + SMUGGLED), TRAILER),
    bad("a trailer section ended by LF alone", chunked(b"0\r\nX-A: b\r\n\nGET /x HTTP/1.1\r\n\r\n"), TRAILER),
    bad("NUL in a trailer", chunked(b"0\r\nX-A: b\0\r\n\r\n"), TRAILER),
    bad("a space before the colon of a trailer", chunked(b"0\r\nX-A : b\r\n\r\n"), TRAILER),
    bad("a folded trailer", chunked(b"0\r\nX-A: b\r\n c\r\n\r\n"), TRAILER),
    bad("Content-Length as trailer", chunked(b"0\r\nContent-Length: 5\r\n\r\n"), "RFC 9110 §6.5.1"),
    bad("Transfer-Encoding as trailer", chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"), "RFC 9110 §6.5.1"),
    bad("a trailer without colon", chunked(b"0\r\nX-A\r\n\r\n"), TRAILER),
    bad("a second head as trailer", chunked(b"0\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"), TRAILER),
    bad("more than 100 trailers", chunked(b"0\r\n" + b"X-A: b\r\n" * 101 + b"\r\n"), "limit max_headers", 431),
    bad("trailers over the limit", chunked(b"0\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n"), "limit max_head"),
    bad(
        "a chunked body over the limit",
        chunked(b"186a1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n"),
        "limit max_body",
        413,
    ),
    bad("a Content-Length over the limit", post(b"Content-Length: 100001"), "limit max_body", 413),
    bad(
        "Expect with a Content-Length over the limit",
        post(b"Expect: 100-continue", b"Content-Length: 100001"),
        "limit max_body",
        413,
    ),
]

FIELDS: Final = [
    bad(f"a field with {what}", get(line, b"X-B: c"), section)
    for what, line, section in (
        ("a folded value (space)", b"X-A: b\r\n c", FIELD),
        ("a folded value (tab)", b"X-A: b\r\n\tc", FIELD),
        ("a folded empty line", b"X-A: b\r\n \r\n c", FIELD),
        ("a bare CR in its value", b"X-A: b\rc", FIELD),
        ("a bare CR at its end", b"X-A: b\r", FIELD),
        ("a bare LF in its value", b"X-A: b\nc", ENDS),
        ("a bare LF, then a second field", b"X-A: b\nX-C: d", ENDS),
        ("NUL in its value", b"X-A: b\0c", FIELD),
        ("NUL in its name", b"X\0A: b", NAME),
        ("control character 1 in its value", b"X-A: b\x01c", FIELD),
        ("a vertical tab in its value", b"X-A: b\x0bc", FIELD),
        ("DEL in its value", b"X-A: b\x7fc", FIELD),
        ("ESC in its value", b"X-A: \x1b[2J", FIELD),
        ("a space before the colon", b"X-A : b", NAME),
        ("a tab before the colon", b"X-A\t: b", NAME),
        ("an empty name", b": b", NAME),
        ("no colon", b"X-A", NAME),
        ("a space in its name", b"X A: b", NAME),
        ("a parenthesis in its name", b"X(A: b", NAME),
        ("a bracket in its name", b"X[A]: b", NAME),
        ("an at sign in its name", b"X@A: b", NAME),
        ("a slash in its name", b"X/A: b", NAME),
        ("a quote in its name", b'X"A: b', NAME),
        ("a byte over 127 in its name", b"X-\xe9: b", NAME),
        ("UTF-8 in its name", "X-é: b".encode(), NAME),
    )
] + [
    bad("white space before the first field", b"GET /case HTTP/1.1\r\n Host: api.test\r\n\r\n", ENDS),
    bad("all lines ended by LF alone", b"GET /case HTTP/1.1\nHost: api.test\n\n", ENDS),
    bad("a request line ended by LF alone", b"GET /case HTTP/1.1\nHost: api.test\r\n\r\n", ENDS),
    bad("a head ended by LF CRLF", b"GET /case HTTP/1.1\r\nHost: api.test\n\r\n", ENDS),
    bad("a head ended by CRLF LF", b"GET /case HTTP/1.1\r\nHost: api.test\r\n\n", ENDS),
    bad("all lines ended by CR alone", b"GET /case HTTP/1.1\rHost: api.test\r\r" + GOOD, ENDS),
    bad("a head ended by CR LF CR CR LF", b"GET /case HTTP/1.1\r\nHost: api.test\r\n\r\r\n\r\n", ENDS),
    bad("a field over the limit", get(b"X-A: " + b"a" * 40_000), "limit max_head", 431),
    bad("a field name over the limit", get(b"X" * 40_000 + b": a"), "limit max_head", 431),
    bad("an endless head", b"GET /case HTTP/1.1\r\n" + b"X-A: b\r\n" * 10_000, "limit max_head", 431),
    bad("101 fields", get(*[b"X-A: b"] * 100), "limit max_headers", 431),
    bad("many short fields over the limit", get(*[b"A: b"] * 6_000), "limit max_head", 431),
    bad("two Authorization", get(b"Authorization: Bearer a", b"Authorization: Bearer b"), "RFC 9110 §5.3, §11.6.2"),
    bad(
        "two equal Authorization", get(b"Authorization: Bearer a", b"authorization: Bearer a"), "RFC 9110 §5.3, §11.6.2"
    ),
    bad("an unknown expectation", post(b"Expect: 200-ok", b"Content-Length: 0"), "RFC 9110 §10.1.1", 417),
    bad("two expectations", post(b"Expect: 100-continue, x", b"Content-Length: 0"), "RFC 9110 §10.1.1", 417),
]

LINES: Final = [
    bad(f"a request line with {what}", get(line=line), section, status)
    for what, line, section, status in (
        ("two spaces after the method", b"GET  /case HTTP/1.1", LINE, 400),
        ("two spaces before the version", b"GET /case  HTTP/1.1", LINE, 400),
        ("a tab instead of a space", b"GET\t/case HTTP/1.1", LINE, 400),
        ("a space before the method", b" GET /case HTTP/1.1", LINE, 400),
        ("a space after the version", b"GET /case HTTP/1.1 ", LINE, 400),
        ("a space in the target", b"GET /ca se HTTP/1.1", LINE, 400),
        ("no target", b"GET HTTP/1.1", LINE, 400),
        ("an empty target", b"GET  HTTP/1.1", LINE, 400),
        ("no method", b"/case HTTP/1.1", LINE, 400),
        ("a lower-case method", b"get /case HTTP/1.1", "RFC 9110 §9.1", 400),
        ("an unknown method", b"FROBNICATE /case HTTP/1.1", "RFC 9110 §9.1, §15.6.2", 501),
        ("a method that is no token", b"GE(T /case HTTP/1.1", LINE, 400),
        ("NUL in the method", b"G\0T /case HTTP/1.1", LINE, 400),
        ("NUL in the target", b"GET /ca\0se HTTP/1.1", LINE, 400),
        ("a bare CR in the target", b"GET /ca\rse HTTP/1.1", ENDS, 400),
        ("DEL in the target", b"GET /ca\x7fse HTTP/1.1", LINE, 400),
        ("a byte over 127 in the target", b"GET /ca\xe9se HTTP/1.1", TARGET, 400),
        ("UTF-8 in the target", "GET /caé HTTP/1.1".encode(), TARGET, 400),
        ("a fragment in the target", b"GET /case#part HTTP/1.1", TARGET, 400),
        ("a relative target", b"GET case HTTP/1.1", TARGET, 400),
        ("only a query as target", b"GET ?case HTTP/1.1", TARGET, 400),
        ("an asterisk for GET", b"GET * HTTP/1.1", "RFC 9112 §3.2.4", 400),
        ("an authority for GET", b"GET api.test:80 HTTP/1.1", "RFC 9112 §3.2.3", 400),
        ("an encoded NUL in the target", b"GET /ca%00se HTTP/1.1", "RFC 3986 §7.3", 400),
        ("dot segments over the root", b"GET /a/../../case HTTP/1.1", "RFC 3986 §5.2.4, §7", 400),
        ("encoded dot segments over the root", b"GET /%2e%2E/case HTTP/1.1", "RFC 3986 §6.2.2.3, §7", 400),
        ("dot segments over the root of a URL", b"GET http://api.test/../case HTTP/1.1", "RFC 3986 §5.2.4, §7", 400),
        ("an ftp URL", b"GET ftp://api.test/case HTTP/1.1", "RFC 9112 §3.2.2", 400),
        ("a URL without host", b"GET http:///case HTTP/1.1", "RFC 9110 §4.2.1", 400),
        ("a URL with user and password", b"GET http://user:pw@api.test/case HTTP/1.1", "RFC 9110 §4.2.4", 400),
        ("a URL with a bad host", b"GET http://api%20test<x>/case HTTP/1.1", "RFC 9112 §3.2.2", 400),
        ("CONNECT", b"CONNECT api.test:443 HTTP/1.1", "RFC 9110 §9.3.6", 405),
        ("CONNECT and a path", b"CONNECT /case HTTP/1.1", "RFC 9112 §3.2.3", 405),
        ("HTTP/2.0", b"GET /case HTTP/2.0", "RFC 9110 §15.6.6", 505),
        ("HTTP/3", b"GET /case HTTP/3", "RFC 9110 §15.6.6", 505),
        ("HTTP/1.2", b"GET /case HTTP/1.2", "RFC 9110 §15.6.6", 505),
        ("HTTP/0.9 spelled out", b"GET /case HTTP/0.9", "RFC 9110 §15.6.6", 505),
        ("HTTP/1.10", b"GET /case HTTP/1.10", "RFC 9112 §2.3", 400),
        ("HTTP/11", b"GET /case HTTP/11", "RFC 9112 §2.3", 400),
        ("HTTP/1", b"GET /case HTTP/1", "RFC 9112 §2.3", 505),
        ("HTTP/01.1", b"GET /case HTTP/01.1", "RFC 9112 §2.3", 400),
        ("HTTP/+1.1", b"GET /case HTTP/+1.1", "RFC 9112 §2.3", 400),
        ("http/1.1 in lower case", b"GET /case http/1.1", "RFC 9112 §2.3", 400),
        ("another protocol's name", b"GET /case ICE/1.1", "RFC 9112 §2.3", 400),
    )
] + [
    bad(
        "a request line over the limit", get(line=b"GET /" + b"a" * 9_000 + b" HTTP/1.1"), "limit max_request_line", 414
    ),
    bad("an endless request line", b"GET /" + b"a" * 50_000, "limit max_request_line", 414),
    bad("an HTTP/0.9 request", b"GET /case\r\n\r\n", "RFC 9112 §2.3"),
    bad("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "RFC 9113 §3.4", 505),
    bad("a TLS client hello", bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 190, "RFC 9112 §2.1"),
    bad("an SSH banner", b"SSH-2.0-OpenSSH_9.9\r\n\r\n", LINE),
    bad("a PROXY protocol line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + SMUGGLED, LINE),
    bad("a binary PROXY protocol header", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\x01" * 12 + SMUGGLED, LINE),
    bad("a response", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", LINE),
    bad("random bytes", bytes(range(255, 150, -1)), LINE),
    bad("an empty line of LF alone first", b"\n" + SMUGGLED, ENDS),
    bad("a byte order mark first", b"\xef\xbb\xbf" + SMUGGLED, LINE),
]

HOST_FIELDS: Final = [
    bad("no Host", b"GET /case HTTP/1.1\r\nX-A: b\r\n\r\n", HOSTS),
    bad("no fields at all", b"GET /case HTTP/1.1\r\n\r\n", HOSTS),
    bad("two different Host", get(b"Host: other.test"), HOSTS),
    bad("two equal Host", get(b"Host: api.test"), HOSTS),
    bad("two Host in HTTP/1.0", get(b"Host: api.test", line=b"GET /case HTTP/1.0"), HOSTS),
] + [
    bad(f"a Host that {what}", get(host=b"Host: " + value + b"\r\n"), HOSTS)
    for what, value in (
        ("is empty", b""),
        ("holds a space", b"api test"),
        ("is a list", b"api.test, other.test"),
        ("holds a user", b"user@api.test"),
        ("holds a path", b"api.test/smuggled"),
        ("holds a query", b"api.test?x"),
        ("holds a fragment", b"api.test#x"),
        ("holds a backslash", b"api.test\\x"),
        ("is a URL", b"http://api.test"),
        ("has a port that is a word", b"api.test:http"),
        ("has a negative port", b"api.test:-1"),
        ("has two ports", b"api.test:80:81"),
        ("has a port of six digits", b"api.test:100000"),
        ("has only a port", b":80"),
        ("has an unclosed bracket", b"[::1"),
        ("has an unopened bracket", b"::1]"),
        ("has text after its bracket", b"[::1]x"),
        ("is IPv6 without brackets", b"::1"),
        ("holds a byte over 127", b"api.t\xe9st"),
        ("holds a quote", b'"api.test"'),
        ("holds markup", b"<script>"),
        ("holds a caret", b"api^test"),
    )
]

SECOND_HALVES: Final = [
    Case(f"a good request, then {name}", GOOD + data, (200, status), section, passes=("/good",))
    for name, data, section, status in (
        (
            "Content-Length with chunked",
            post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
            TE,
            400,
        ),
        ("two Content-Length", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), CL, 400),
        ("a folded field", get(b"X-A: b\r\n c"), FIELD, 400),
        ("a bare LF", b"GET /case HTTP/1.1\nHost: api.test\n\n", ENDS, 400),
        ("two Authorization", get(b"Authorization: a", b"Authorization: b"), "RFC 9110 §5.3", 400),
        ("an unknown method", get(line=b"FROB /case HTTP/1.1"), "RFC 9110 §9.1", 501),
        ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "RFC 9113 §3.4", 505),
        ("a TLS client hello", bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 190, "RFC 9112 §2.1", 400),
        ("a head over the limit", get(b"X-A: " + b"a" * 40_000), "limit max_head", 431),
        ("a bad chunk size", chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), CHUNK, 400),
        ("the rest of a body nobody announced", b"hello", LINE, 400),
        ("no Host", b"GET /case HTTP/1.1\r\n\r\n", HOSTS, 400),
    )
] + [
    Case(
        "a body one byte longer than announced",
        post(b"Content-Length: 5", body=b"hello!" + SMUGGLED),
        (200, 400),
        CL,
        passes=("/case",),
    ),
    Case(
        "a body after Content-Length 0",
        post(b"Content-Length: 0", body=b"0\r\n\r\n" + SMUGGLED),
        (200, 400),
        CL,
        passes=("/case",),
    ),
    Case("a body after a GET without framing", get() + b"hello" + SMUGGLED, (200, 400), CL, passes=("/case",)),
    Case(
        "bytes after the last chunk",
        chunked(b"5\r\nhello\r\n0\r\n\r\n0\r\n\r\n" + SMUGGLED),
        (200, 400),
        CHUNK,
        passes=("/case",),
    ),
    Case(
        "a request after Connection: close",
        get(b"Connection: close") + SMUGGLED,
        (200,),
        "RFC 9112 §9.6",
        passes=("/case",),
    ),
    Case(
        "a request after HTTP/1.0",
        get(line=b"GET /case HTTP/1.0") + SMUGGLED,
        (200,),
        "RFC 9112 §9.3",
        passes=("/case",),
    ),
]

BROKEN_OFF: Final = [
    Case(f"end of file in {what}", data, (), section, hangs_up=True)
    for what, data, section in (
        ("a request line", b"GET /case HT", "RFC 9112 §8"),
        ("a head", b"GET /case HTTP/1.1\r\nHost: api.test\r\n", "RFC 9112 §8"),
        ("a Content-Length body", post(b"Content-Length: 10", body=b"hello"), "RFC 9112 §6.3, §8"),
        ("a chunk", chunked(b"a\r\nhello"), "RFC 9112 §8"),
        ("a chunk size", chunked(b"5\r\nhello\r\n0"), "RFC 9112 §8"),
        ("the last CRLF of a chunked body", chunked(b"5\r\nhello\r\n0\r\n\r"), "RFC 9112 §8"),
        ("a trailer", chunked(b"5\r\nhello\r\n0\r\nX-A: b\r\n"), "RFC 9112 §8"),
    )
]

CASES: Final = [
    *LENGTHS,
    *CODINGS,
    *CHUNKS,
    *FIELDS,
    *LINES,
    *HOST_FIELDS,
    *SECOND_HALVES,
    *BROKEN_OFF,
]
