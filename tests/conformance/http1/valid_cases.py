"""Messages that must be accepted, and what of them has to arrive upstream: the same request in our own words."""

from dataclasses import dataclass, field
from typing import Final

from conformance.http1.cases import GOOD, chunked, get, post


@dataclass(frozen=True)
class Arrival:
    """One request as the upstream must read it."""

    target: str = "/case"
    method: str = "GET"
    body: bytes = b""
    host: bytes = b"api.test"
    fields: dict[bytes, list[bytes]] = field(default_factory=dict)
    """Values by name, in order; an empty list says that the field must not arrive."""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class ValidCase:
    """Bytes, and the requests they are."""

    name: str
    data: bytes
    section: str
    arrivals: tuple[Arrival, ...] = (Arrival(),)
    closes: bool = False


def ok(name: str, data: bytes, section: str, *arrivals: Arrival, closes: bool = False) -> ValidCase:
    """A case with one plain arrival unless others are given."""
    return ValidCase(name, data, section, arrivals or (Arrival(),), closes)


def posted(body: bytes, **fields: list[bytes]) -> Arrival:
    """A POST; field names with `_` for `-`."""
    return Arrival(method="POST", body=body, fields=named(**fields))


def named(**fields: list[bytes]) -> dict[bytes, list[bytes]]:
    """Field names from keywords, with `_` for `-`."""
    return {name.replace("_", "-").encode(): values for name, values in fields.items()}


def line(target: bytes, method: bytes = b"GET") -> bytes:
    """A request line."""
    return method + b" " + target + b" HTTP/1.1"


METHODS: Final = [
    ok(f"method {method}", get(line=line(b"/case", method.encode())), "RFC 9110 §9", Arrival(method=method))
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "PUT", "POST", "QUERY", "PROPFIND")
]

TARGETS: Final = [
    ok(f"target with {what}", get(line=line(target)), "RFC 9112 §3.2, RFC 3986 §2", Arrival(target=target.decode()))
    for what, target in (
        ("a query", b"/case?a=b&c=d&a=e"),
        ("an empty query value", b"/case?a=&b"),
        ("two question marks", b"/case?a?b"),
        ("an encoded slash", b"/case%2Fb"),
        ("an encoded CRLF", b"/case%0D%0AX:%20y"),
        ("an encoded percent sign", b"/case%252e"),
        ("encoded UTF-8", b"/cas%C3%A9"),
        ("invalid UTF-8, encoded", b"/cas%FF"),
        ("sub-delimiters", b"/case;v=1,2!$&'()*+=:@~"),
        ("odd percent signs in the query", b"/case?a=%zz&b=%2f&c=%&d=%61"),
        ("8,000 characters", b"/" + b"a" * 8_000),
    )
] + [
    ok(f"target with {what}", get(line=line(target)), "RFC 3986 §6.2.2", Arrival(target=arrives.decode()))
    for what, target, arrives in (
        ("lower-case hexadecimal", b"/case%2fb", b"/case%2Fb"),
        ("an encoded letter", b"/c%61se", b"/case"),
        ("dot segments", b"/a/./b/../../case", b"/case"),
        ("encoded dot segments", b"/a/%2e%2E/case", b"/case"),
    )
]

BODIES: Final = [
    ok("Content-Length 5", post(b"Content-Length: 5", body=b"hello"), "RFC 9112 §6.2", posted(b"hello")),
    ok("Content-Length 0", post(b"Content-Length: 0"), "RFC 9112 §6.2", posted(b"")),
    ok(
        "Content-Length with leading zeros",
        post(b"Content-Length: 0005", body=b"hello"),
        "RFC 9110 §8.6",
        posted(b"hello"),
    ),
    ok(
        "Content-Length within white space",
        post(b"Content-Length: \t 5 \t", body=b"hello"),
        "RFC 9110 §5.5",
        posted(b"hello"),
    ),
    ok("a POST without framing has no body", post(), "RFC 9112 §6.3", posted(b"")),
    ok("a GET with a body", get(b"Content-Length: 5") + b"hello", "RFC 9110 §9.3.1", Arrival(body=b"hello")),
    ok(
        "a body that looks like a request",
        post(b"Content-Length: 44", body=b"GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n.."),
        "RFC 9112 §6.2",
        posted(b"GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n.."),
    ),
    ok(
        "a body of every byte",
        post(b"Content-Length: 256", body=bytes(range(256))),
        "RFC 9112 §6",
        posted(bytes(range(256))),
    ),
    ok(
        "a body as large as the limit",
        post(b"Content-Length: 100000", body=b"x" * 100_000),
        "limit max_body",
        posted(b"x" * 100_000),
    ),
    *(
        ok(f"chunked, {what}", chunked(body), "RFC 9112 §7.1", posted(b"hello"))
        for what, body in (
            ("one chunk", b"5\r\nhello\r\n0\r\n\r\n"),
            ("five chunks", b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n"),
            ("leading zeros", b"00000005\r\nhello\r\n000\r\n\r\n"),
            ("an extension", b"5;a=b\r\nhello\r\n0\r\n\r\n"),
            ("an extension without value", b"5;a\r\nhello\r\n0;b\r\n\r\n"),
            ("a quoted extension", b'5;a="b;c\\"d"\r\nhello\r\n0\r\n\r\n'),
        )
    ),
    ok(
        "chunked, upper and lower case hexadecimal",
        chunked(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
        "RFC 9112 §7.1",
        posted(b"0123456789" * 2),
    ),
    ok("chunked without data", chunked(b"0\r\n\r\n"), "RFC 9112 §7.1", posted(b"")),
    ok(
        "Transfer-Encoding in mixed case",
        post(b"TRANSFER-encoding: ChunKED", body=b"5\r\nhello\r\n0\r\n\r\n"),
        "RFC 9112 §7",
        posted(b"hello"),
    ),
    ok(
        "Transfer-Encoding after white space",
        post(b"Transfer-Encoding: \tchunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        "RFC 9110 §5.5",
        posted(b"hello"),
    ),
    ok(
        "data that looks like a last chunk",
        chunked(b"c\r\n0\r\n\r\nGET / x\r\n0\r\n\r\n"),
        "RFC 9112 §7.1",
        posted(b"0\r\n\r\nGET / x"),
    ),
]

TRAILERS: Final = [
    ok(
        "a trailer",
        chunked(b"5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n"),
        "RFC 9112 §7.1.2",
        Arrival(method="POST", body=b"hello", trailers=[(b"x-checksum", b"abc")]),
    ),
    ok(
        "trailers that frame, route or authenticate are dropped",
        chunked(
            b"5\r\nhello\r\n0\r\nHost: evil.test\r\nAuthorization: Bearer x\r\nConnection: close\r\n"
            b"X-Consumer-Id: root\r\nX-Real-IP: ::1\r\nX-A: b\r\n\r\n"
        ),
        "RFC 9110 §6.5.1",
        Arrival(method="POST", body=b"hello", trailers=[(b"x-a", b"b")]),
    ),
]

FIELDS: Final = [
    ok("white space around a value", get(b"X-A: \t b c \t"), "RFC 9110 §5.5", Arrival(fields=named(x_a=[b"b c"]))),
    ok("no white space before a value", get(b"X-A:b"), "RFC 9110 §5.5", Arrival(fields=named(x_a=[b"b"]))),
    ok("an empty value", get(b"X-A:"), "RFC 9110 §5.5", Arrival(fields=named(x_a=[b""]))),
    ok("a tab within a value", get(b"X-A: b\tc"), "RFC 9110 §5.5", Arrival(fields=named(x_a=[b"b\tc"]))),
    ok("bytes over 127 in a value", get(b"X-A: \xe9\xff"), "RFC 9110 §5.5", Arrival(fields=named(x_a=[b"\xe9\xff"]))),
    ok(
        "a repeated field in order",
        get(b"X-A: 1", b"x-a: 2", b"X-a: 3"),
        "RFC 9110 §5.3",
        Arrival(fields=named(x_a=[b"1", b"2", b"3"])),
    ),
    ok(
        "every character of a token in a name",
        get(b"!#$%&'*+-.^_`|~09AZaz: b"),
        "RFC 9110 §5.6.2",
        Arrival(fields={b"!#$%&'*+-.^_`|~09azaz": [b"b"]}),
    ),
    ok(
        "a value of 30,000 bytes",
        get(b"X-A: " + b"b" * 30_000),
        "limit max_head",
        Arrival(fields=named(x_a=[b"b" * 30_000])),
    ),
    ok("100 fields", get(*[b"X-A: b"] * 99), "limit max_headers", Arrival(fields=named(x_a=[b"b"] * 99))),
    ok("colons in a value", get(b"X-A: b: c: d"), "RFC 9112 §5", Arrival(fields=named(x_a=[b"b: c: d"]))),
    ok(
        "one Authorization",
        get(b"Authorization: Bearer a, b"),
        "RFC 9110 §11.6.2",
        Arrival(fields=named(authorization=[b"Bearer a, b"])),
    ),
    ok("cookies", get(b"Cookie: a=b", b"Cookie: c=d"), "RFC 6265 §5.4", Arrival(fields=named(cookie=[b"a=b", b"c=d"]))),
]

CONNECTIONS: Final = [
    ok(
        "fields of the gateway spelled with underscores are dropped: CGI and WSGI do not tell them apart",
        get(
            b"X_Real_IP: ::1", b"X_Forwarded-For: ::1", b"X-Consumer_Id: root", b"X_Consumer_Username: root", b"A_B: c"
        ),
        "RFC 3875 §4.1.18",
        Arrival(
            fields={
                b"x_real_ip": [],
                b"x_forwarded-for": [],
                b"x-consumer_id": [],
                b"x_consumer_username": [],
                b"a_b": [b"c"],
            }
        ),
    ),
    ok(
        "framing fields spelled with underscores are dropped",
        get(b"Transfer_Encoding: chunked", b"Content_Length: 5"),
        "RFC 3875 §4.1.18",
        Arrival(fields={b"transfer_encoding": [], b"content_length": []}),
    ),
    ok(
        "fields named by Connection are dropped",
        get(b"Connection: X-Hop, keep-alive", b"X-Hop: secret", b"X-A: b"),
        "RFC 9110 §7.6.1",
        Arrival(fields=named(x_hop=[], connection=[], x_a=[b"b"])),
    ),
    ok(
        "Connection cannot name the fields the gateway adds",
        get(b"Connection: X-Real-IP, X-Forwarded-For, Host, Content-Length"),
        "RFC 9110 §7.6.1",
        Arrival(fields=named(x_real_ip=[b"127.0.0.1"], x_forwarded_for=[b"127.0.0.1"])),
    ),
    ok(
        "Connection cannot unframe a body",
        post(b"Connection: Content-Length, Transfer-Encoding", b"Content-Length: 5", body=b"hello"),
        "RFC 9110 §7.6.1",
        posted(b"hello"),
    ),
    ok(
        "TE is not passed on",
        get(b"TE: trailers, gzip", b"Connection: TE"),
        "RFC 9110 §10.1.4",
        Arrival(fields=named(te=[])),
    ),
    ok(
        "Keep-Alive and Proxy-Connection are dropped",
        get(b"Keep-Alive: timeout=5", b"Proxy-Connection: close"),
        "RFC 9110 §7.6.1",
        Arrival(fields=named(keep_alive=[], proxy_connection=[])),
    ),
    ok(
        "Proxy-Authorization is dropped",
        get(b"Proxy-Authorization: Basic eDp5"),
        "RFC 9110 §11.7.2",
        Arrival(fields=named(proxy_authorization=[])),
    ),
    ok(
        "Connection: close",
        get(b"Connection: close"),
        "RFC 9112 §9.6",
        Arrival(fields=named(connection=[])),
        closes=True,
    ),
    ok("Connection: Close among others", get(b"Connection: foo, Close"), "RFC 9112 §9.6", closes=True),
    ok("HTTP/1.0", get(line=b"GET /case HTTP/1.0"), "RFC 9112 §9.3", closes=True),
    ok("HTTP/1.0 without Host", b"GET /case HTTP/1.0\r\n\r\n", "RFC 9112 §3.2", Arrival(host=b""), closes=True),
    ok("HTTP/1.0 with keep-alive", get(b"Connection: keep-alive", line=b"GET /case HTTP/1.0"), "RFC 9112 §9.3"),
    ok(
        "HTTP/1.0 with a body",
        post(b"Content-Length: 5", body=b"hello", version=b"1.0"),
        "RFC 9112 §6.2",
        posted(b"hello"),
        closes=True,
    ),
    ok(
        "an h2c upgrade is ignored",
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        "RFC 9110 §7.8",
        Arrival(fields=named(upgrade=[], http2_settings=[])),
    ),
    ok(
        "a TLS upgrade is ignored",
        get(b"Connection: Upgrade", b"Upgrade: TLS/1.2"),
        "RFC 9110 §7.8",
        Arrival(fields=named(upgrade=[])),
    ),
    ok(
        "Upgrade without Connection is ignored",
        get(b"Upgrade: websocket"),
        "RFC 9110 §7.8",
        Arrival(fields=named(upgrade=[], connection=[])),
    ),
    ok(
        "an upgrade with a body is no upgrade",
        post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 5", body=b"hello"),
        "RFC 9110 §7.8",
        posted(b"hello", upgrade=[]),
    ),
    ok(
        "an upgrade that the upstream does not take, and a request behind it",
        get(b"Connection: Upgrade", b"Upgrade: websocket") + GOOD,
        "RFC 9110 §7.8",
        Arrival(fields=named(upgrade=[b"websocket"])),
        Arrival(target="/good"),
    ),
    ok(
        "Expect: 100-continue with the body at once",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        "RFC 9110 §10.1.1",
        posted(b"hello", expect=[]),
    ),
    ok(
        "Expect in HTTP/1.0 is ignored",
        post(b"Expect: something", b"Content-Length: 5", body=b"hello", version=b"1.0"),
        "RFC 9110 §10.1.1",
        posted(b"hello", expect=[]),
        closes=True,
    ),
    ok("an empty line first", b"\r\n" + get(), "RFC 9112 §2.2"),
]

HOSTS: Final = [
    ok(f"Host {value.decode()}", get(host=b"Host: " + value + b"\r\n"), "RFC 9110 §7.2", Arrival(host=value))
    for value in (
        b"api.test",
        b"api.test:8080",
        b"192.0.2.1",
        b"[2001:db8::1]:8080",
        b"API.Test",
        b"a_b.test",
        b"api.test.",
    )
] + [
    ok("absolute-form", get(line=line(b"http://api.test/case?a=b")), "RFC 9112 §3.2.2", Arrival(target="/case?a=b")),
    ok("absolute-form without path", get(line=line(b"http://api.test")), "RFC 9112 §3.2.2", Arrival(target="/")),
    ok(
        "absolute-form with a query only",
        get(line=line(b"http://api.test?a=b")),
        "RFC 9112 §3.2.2",
        Arrival(target="/?a=b"),
    ),
    ok(
        "absolute-form over a different Host",
        get(line=line(b"http://other.test:81/case")),
        "RFC 9112 §3.2.2",
        Arrival(host=b"other.test:81"),
    ),
    ok("absolute-form in mixed case", get(line=line(b"HTTP://api.test/case")), "RFC 9110 §4.2.3"),
]

PIPELINES: Final = [
    ok("three requests at once", GOOD * 3, "RFC 9112 §9.3.2", *[Arrival(target="/good")] * 3),
    ok(
        "requests behind bodies",
        post(b"Content-Length: 5", body=b"hello") + chunked(b"5\r\nworld\r\n0\r\n\r\n") + GOOD,
        "RFC 9112 §9.3.2",
        posted(b"hello"),
        posted(b"world"),
        Arrival(target="/good"),
    ),
    ok("an empty line between requests", GOOD + b"\r\n" + GOOD, "RFC 9112 §2.2", *[Arrival(target="/good")] * 2),
]

VALID_CASES: Final = [*METHODS, *TARGETS, *BODIES, *TRAILERS, *FIELDS, *CONNECTIONS, *HOSTS, *PIPELINES]
