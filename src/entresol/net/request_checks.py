"""The rules for a request head that llhttp leaves to its user (RFC 9112 §2.2, §3, §6; RFC 9110 §7.2, §10.1.1).

Pure functions: parts of a head in, facts or a refusal out.
"""

import re
from typing import Final

from entresol.core.http import HeaderPairs
from entresol.net import refusals
from entresol.net.refusals import Refusal, framing_ambiguous, malformed, target_invalid

_STANDARD: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY")
_WEBDAV: Final = (
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "BIND",
    "REBIND",
    "UNBIND",
    "ACL",
    "LINK",
    "UNLINK",
    "PURGE",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "MKCALENDAR",
)
METHODS: Final[dict[bytes, str]] = {name.encode("ascii"): name for name in _STANDARD + _WEBDAV}
"""The methods that are forwarded. CONNECT is refused; RTSP's and ICE's, which llhttp also knows, are not HTTP."""

CHECKED_FIELDS: Final = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"authorization", b"connection", b"upgrade", b"expect")
)
"""The fields `HeadFacts` is made from."""

DEPENDING_ON_LENGTH: Final = frozenset((b"expect", b"upgrade"))
"""Those of them that mean something else in a request without a body."""

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9\-._~%!$&'()*+;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]*)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE | re.DOTALL)
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION: Final = re.compile(rb"HTTP/[0-9](?:\.[0-9])?")

_NOT_TUNNELLED: Final = (b"h2c", b"h2", b"http", b"tls")
"""Upgrades that change HTTP itself: tunnelled, they would carry requests past routing and authentication."""


HeadFacts = tuple[bytes | None, int, bool, bool, bool, bool]
"""Host, Content-Length (0 without one), chunked?, keep the connection?, upgrade?, wait for 100 Continue?"""


def refuse_first_bytes(data: bytes | bytearray, is_empty_line_skipped: bool = True) -> Refusal | None:
    """A message that cannot be HTTP/1.1 by its first bytes: there is no point in waiting for more of it."""
    if not data:
        return None
    first = data[0]
    if 65 <= first <= 90 or (data == b"\r" and not is_empty_line_skipped):
        return None
    if first == 0x16:
        return refusals.TLS_ON_PLAIN_PORT
    return refusals.BARE_LINE_FEED if first == 10 else refusals.NOT_HTTP


def refuse_line(line: bytes) -> Refusal:
    """Why a request line is refused that is not three parts with a known method and version."""
    if line.startswith(b"PRI * HTTP/2"):
        return refusals.HTTP2_PREFACE
    at_once = refuse_first_bytes(line)
    if at_once is not None:
        return at_once  # as it would be if the rest were not there yet
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[1] or _VERSION.fullmatch(parts[2]) is None or b"\n" in line:
        return refusals.REQUEST_LINE
    if _TOKEN.fullmatch(parts[0]) is None:
        return refusals.NOT_HTTP
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        return refusals.VERSION_UNSUPPORTED
    return refusals.CONNECT_UNSUPPORTED if parts[0] == b"CONNECT" else refusals.METHOD_UNSUPPORTED


def refuse_fields(reason: str) -> Refusal:
    """What llhttp's refusal of a head means."""
    if "Content-Length" in reason or "Transfer-Encoding" in reason:
        return framing_ambiguous(reason)
    if "url" in reason:
        return target_invalid(reason)
    return malformed(reason)


def head_facts(checked: HeaderPairs, is_11: bool) -> HeadFacts | Refusal:
    """What the checked fields of a head that llhttp has accepted decide about routing, framing and the connection."""
    host = authorization = None
    length = 0
    rest: HeaderPairs | None = None
    for pair in checked:
        name, value = pair
        if name == b"host":
            if host is not None:
                return refusals.HOST_REPEATED
            host = value
        elif name == b"content-length":
            length = int(value)  # llhttp has seen to it that there is one, and that it is all digits
        elif name == b"authorization":
            if authorization is not None:
                return refusals.AUTHORIZATION_REPEATED
            authorization = value
        elif rest is None:
            rest = [pair]
        else:
            rest.append(pair)
    if host is None and is_11:
        return refusals.HOST_MISSING
    if rest is None:
        return host, length, False, is_11, False, False
    return _read_rest(rest, host, length, is_11)


def _read_rest(fields: HeaderPairs, host: bytes | None, length: int, is_11: bool) -> HeadFacts | Refusal:
    is_chunked = upgrade = expects_continue = False
    options: list[bytes] = []
    for name, value in fields:
        if name == b"transfer-encoding":
            if not is_11:
                return framing_ambiguous("HTTP/1.0 has no Transfer-Encoding")
            if is_chunked or value.lower() != b"chunked":
                return refusals.TRANSFER_CODING_UNSUPPORTED
            is_chunked = True
        elif name == b"connection":
            options += [option.strip(b" \t") for option in value.lower().split(b",")]
        elif name == b"upgrade":
            upgrade = not value.lower().startswith(_NOT_TUNNELLED) and b"," not in value
        elif is_11:
            if value.lower() != b"100-continue":
                return refusals.EXPECTATION_FAILED
            expects_continue = True
    has_body = is_chunked or length > 0
    return (
        host,
        length,
        is_chunked,
        b"close" not in options and (is_11 or b"keep-alive" in options),
        upgrade and is_11 and not has_body and b"upgrade" in options,
        expects_continue and has_body,
    )


def is_valid_host(host: bytes) -> bool:
    """`host` or `host:port`: a name, an IPv4 address or an IPv6 address in brackets; never empty."""
    return _HOST.fullmatch(host) is not None


def split_target(method: str, target: bytes) -> tuple[str, str, bytes | None] | Refusal:
    """Path, query, and the host when the target names one (absolute-form, RFC 9112 §3.2.2)."""
    host = None
    if not target.isascii() or b"#" in target:
        return target_invalid("it holds a character that must be percent-encoded")
    if target[:1] == b"/":
        path, _, query = target.decode("ascii").partition("?")
        return refuse_path(path) or (path, query, None)
    if target == b"*":
        return ("*", "", None) if method == "OPTIONS" else target_invalid("`*` is for OPTIONS only")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target_invalid("it is neither a path nor an http or https URL")
    host, raw_path, raw_query = absolute.groups()
    if raw_path is None:
        raw_path = b"*" if method == "OPTIONS" and raw_query is None else b"/"
    path = raw_path.decode("ascii")
    return refuse_path(path) or (path, (raw_query or b"").decode("ascii"), host)


def refuse_path(path: str) -> Refusal | None:
    """A path that upstreams read in different ways: one with an encoded NUL, or one that climbs over its root."""
    if "%00" in path:
        return target_invalid("it holds an encoded NUL")
    if "/." not in path and "/%2" not in path:
        return None
    depth = 0
    for segment in path.split("/"):
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            depth -= 1
            if depth < 0:
                return target_invalid("it leads above the root")
        elif plain not in ("", "."):
            depth += 1
    return None
