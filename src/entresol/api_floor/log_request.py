"""The request as the log record shows it.

A client that keeps its connection sends the same head again and again; what was made of it then goes with the head
(`core.http.SeenHead`). It holds for a request that is the same in all that is shown, but for Content-Length.
"""

from typing import Any, Final

import msgspec

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_fields import REDACTED, ShownFields
from entresol.api_floor.log_slots import ALWAYS_SECRET
from entresol.core.http import HeaderPairs, RequestHead, TlsInfo
from entresol.policy.request_fields import query_values, with_parameters_masked

SECRET_PARAMETERS: Final = ALWAYS_SECRET | {"access_token", "api_key", "key", "token"}
MAX_DIGITS: Final = 1_000
"""Numbers below it are written out once."""

_LENGTH: Final = b"content-length"
_LENGTH_MEMBER: Final = b'"content-length":"'
_DIGITS: Final = [b"%d" % number for number in range(MAX_DIGITS)]
_encode: Final = msgspec.json.Encoder().encode


class ShownRequest:
    """A request head's JSON, around the digits of its Content-Length, and what it was made of."""

    __slots__ = (
        "_after", "_at", "_before", "_connection", "_end",
        "_fields", "_head_size", "_method", "_pairs", "_path", "_query", "_version",
    )  # fmt: skip

    def __init__(self, request: RequestHead, secrets: frozenset[str] | None, fields: ShownFields) -> None:
        pairs = request.headers.pairs
        members = fields.members(pairs)
        at = -1 if members is None else _length_at(pairs, members)
        line = b'",' + _line(request, secrets, fields)
        if members is None or at < 0:
            self._before, after = line + fields.json(pairs), b""
        else:
            self._before = line + b"{" + b",".join([*members[:at], _LENGTH_MEMBER])
            after = b",".join([b'"', *members[at + 1 :]]) + b"}"
        self._head_size = _head_size(request) - (len(pairs[at][1]) if at >= 0 else 0)
        self._after = after + b',"size":'
        self._end = b',"version":' + _encode(request.version) + _tls(request.connection.tls) + b"}"
        self._at = at
        self._fields = fields
        self._connection = request.connection
        self._method = request.method
        self._path = request.path
        self._query = request.query
        self._version = request.version
        self._pairs: list[Any] = pairs.copy()

    def holds_for(self, request: RequestHead, fields: ShownFields) -> bool:
        """Whether this is how `request` is shown, too. Parts that are the same are the same objects."""
        if (
            fields is not self._fields
            or request.connection is not self._connection
            or request.path is not self._path
            or request.query is not self._query
            or request.method is not self._method
            or request.version is not self._version
        ):
            return False
        pairs: list[Any] = request.headers.pairs
        known, length_at = self._pairs, self._at
        if len(pairs) != len(known):
            return False
        for at in range(len(pairs)):
            if pairs[at] is not known[at] and at != length_at:
                return False
        return length_at < 0 or _is_length(request.headers.pairs[length_at])

    def json(self, request: RequestHead, request_id: str, body_size: int) -> bytes:
        """A request that it holds for, by what is its own."""
        length = request.headers.pairs[self._at][1] if self._at >= 0 else b""
        size = self._head_size + len(length) + body_size
        digits = _DIGITS[size] if size < MAX_DIGITS else str(size).encode()
        return b"".join([b'{"id":"', request_id.encode(), self._before, length, self._after, digits, self._end])


def request_json(exchange: Exchange, secrets: frozenset[str] | None, fields: ShownFields) -> bytes:
    """The request as an object."""
    request = exchange.request
    known = request.known
    shown = None if known is None else known.shown
    if not isinstance(shown, ShownRequest) or not shown.holds_for(request, fields):
        shown = ShownRequest(request, secrets, fields)
        if known is not None:
            known.shown = shown
    return shown.json(request, exchange.request_id, exchange.request_bytes)


def masked_target(target: str, secrets: frozenset[str] | None = None) -> str:
    """Path and query, with the values of parameters that hold credentials masked."""
    if "?" not in target:
        return target
    path, _, query = target.partition("?")
    return f"{path}?{masked_query(query, secrets)}"


def masked_query(query: str, secrets: frozenset[str] | None = None) -> str:
    """A query with the values of parameters that hold credentials masked."""

    def is_secret(parameter: str) -> bool:
        name = parameter.lower()
        return name in SECRET_PARAMETERS or (secrets is not None and name in secrets)

    return with_parameters_masked(query, is_secret, REDACTED)


def _length_at(pairs: HeaderPairs, members: list[bytes]) -> int:
    """Where Content-Length is; -1 if there is none, or it is not shown as it is."""
    for at, pair in enumerate(pairs):
        if _is_length(pair):
            return at if members[at] == _LENGTH_MEMBER + pair[1] + b'"' else -1
    return -1


def _is_length(pair: tuple[bytes, bytes]) -> bool:
    return pair[0] == _LENGTH and pair[1].isdigit()


def _head_size(request: RequestHead) -> int:
    """Bytes of the head as HTTP/1.1 writes it; what is parsed does not tell what white space was around a value."""
    size = len(request.method) + len(request.path) + len(request.query_part)
    size += len(request.version) + len("  HTTP/\r\n\r\n")
    for name, value in request.headers.pairs:
        size += len(name) + len(value) + len(": \r\n")
    return size


def _line(request: RequestHead, secrets: frozenset[str] | None, fields: ShownFields) -> bytes:
    """What stands before the header fields."""
    connection, uri = request.connection, request.path
    host = REDACTED if fields.is_hiding_host else _base_of(request.headers.get(b"host") or b"")
    querystring: dict[str, Any] = {}
    if request.query:
        query = masked_query(request.query, secrets)
        querystring = _querystring(query)
        uri = f"{uri}?{query}"
    elif request.has_empty_query:
        uri += "?"
    shown = {
        "method": request.method,
        "uri": uri,
        "url": f"{connection.scheme}://{host}:{connection.local_port}{uri}",
        "querystring": querystring,
    }
    return _encode(shown)[1:-1] + b',"headers":'


def _base_of(host: bytes) -> str:
    """The host that was asked for, without its port."""
    text = host.decode("utf-8", "backslashreplace")
    return text if text.endswith("]") else text.rpartition(":")[0] or text  # `]`: an IPv6 address without a port


def _querystring(query: str) -> dict[str, Any]:
    """Parameters by name: text, a list where one is repeated, true where it has no `=`."""
    shown: dict[str, Any] = {}
    for piece in query.split("&"):
        key, mark, _ = piece.partition("=")
        if key and key not in shown:
            values: list[Any] = query_values(query, key) if mark else [True]
            shown[key] = values[0] if len(values) == 1 else values or True
    return shown


def _tls(tls: TlsInfo | None) -> bytes:
    if tls is None:
        return b""
    verified = "NONE" if tls.client_certificate is None else "SUCCESS"
    return b',"tls":' + _encode({"version": tls.version, "cipher": tls.cipher, "client_verify": verified})
