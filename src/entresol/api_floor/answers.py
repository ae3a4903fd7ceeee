"""The gateway's own responses: refusals and faults rendered once, in the caller's wire format.

Plain routes answer as Kong does (`kong.response.error` and `kong.response.exit`); routes whose plugins know a wire
format answer in it. The stable code travels in `x-entresol-error`, and inside the body where the format has a place.
"""

import random
from typing import Final

import msgspec

from entresol.api_floor.error_templates import error_body
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plugin import ErrorFormat
from entresol.core.decision import Answer, Deny, Outcome
from entresol.core.errors import GatewayError
from entresol.core.http import HeaderPairs, Headers, ResponseHead

_JSON: Final = b"application/json; charset=utf-8"

_BATCH: Final = 64
_SHORT: Final = 256

_encode = msgspec.json.Encoder().encode
_random_bits = random.getrandbits  # an id for logs, not a secret


class Milliseconds:
    """A header field that holds a duration in whole milliseconds. Short durations are written out once."""

    __slots__ = ("_name", "_short")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._short = [(name, b"%d" % number) for number in range(_SHORT)]

    def field(self, seconds: float) -> tuple[bytes, bytes]:
        """The field for a duration."""
        number = int(seconds * 1000)
        return self._short[number] if 0 <= number < _SHORT else (self._name, b"%d" % number)


class Identity:
    """How the gateway names itself in responses: `x-entresol-…`, or `x-kong-…` for people who migrate."""

    def __init__(self, brand: str, version: str) -> None:
        prefix = b"x-" + brand.lower().encode("ascii")
        token = f"{brand.lower()}/{version}".encode("ascii")
        self._request_id = prefix + b"-request-id"
        self._proxy_latency = Milliseconds(prefix + b"-proxy-latency")
        self._upstream_latency = Milliseconds(prefix + b"-upstream-latency")
        self._response_latency = Milliseconds(prefix + b"-response-latency")
        self._server = (b"server", token)
        self._via = (b"via", b"1.1 " + token)

    def mark_request(self, headers: Headers, exchange: Exchange) -> None:
        """Add what a service is told of the way to it (RFC 9110 §7.6.3), and the id to find the request by."""
        headers.remove(self._request_id)
        pairs = headers.pairs
        pairs.append(self._via)
        pairs.append((self._request_id, exchange.request_id.encode("ascii")))

    def mark_proxied(self, headers: Headers, exchange: Exchange) -> None:
        """Add what Kong adds to an upstream's response. Latencies are whole milliseconds."""
        times = exchange.times
        pairs = headers.pairs
        pairs.append(self._via)
        pairs.append(self._upstream_latency.field(times.response_head - times.upstream_sent))
        pairs.append(self._proxy_latency.field(times.upstream_sent - times.started))
        pairs.append((self._request_id, exchange.request_id.encode("ascii")))

    def mark_own(self, headers: Headers, exchange: Exchange, now: float) -> None:
        """Add what Kong adds to an answer of its own."""
        pairs = headers.pairs
        pairs.append(self._server)
        pairs.append(self._response_latency.field(now - exchange.times.started))
        pairs.append((self._request_id, exchange.request_id.encode("ascii")))


class RequestIds:
    """Ids of 32 hex digits, unique enough to find a request in a log. Made in batches: that is less work for each."""

    __slots__ = ("_at", "_digits")

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0

    def new(self) -> str:
        """One more id."""
        at = self._at
        if at == len(self._digits):
            self._digits = _random_bits(_BATCH * 128).to_bytes(_BATCH * 16, "big").hex()
            at = 0
        self._at = at + 32
        return self._digits[at : at + 32]


def gateway_response(
    exchange: Exchange, outcome: Outcome | GatewayError, error_format: ErrorFormat | None
) -> tuple[ResponseHead, bytes]:
    """A plugin's answer, a refusal or a fault as a response for this caller."""
    if isinstance(outcome, Answer):
        return ResponseHead(outcome.status, Headers(list(outcome.headers)), len(outcome.body)), outcome.body
    exchange.refusal_code = outcome.code
    if error_format is not None:
        content_type, body = error_format.encode_error(
            outcome.status, outcome.code, outcome.message, exchange.request_id
        )
    elif isinstance(outcome, Deny) and outcome.bare:
        content_type, body = _JSON, b'{"message":%b}' % _encode(outcome.message)
    else:
        accept = exchange.request.headers.get(b"accept")
        content_type, body = error_body(accept, outcome.message, exchange.request_id)
    pairs: HeaderPairs = [(b"content-type", content_type), (b"x-entresol-error", outcome.code.encode("ascii"))]
    if error_format is not None:
        pairs += error_format.error_fields(outcome.status)
    pairs += outcome.headers
    return ResponseHead(outcome.status, Headers(pairs), len(body)), body
