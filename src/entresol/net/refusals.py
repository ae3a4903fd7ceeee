"""What the server answers by itself, before any route is known, as JSON in Kong's shape.

Every code has an entry in docs/reference/errors.md.
"""

from http import HTTPStatus
from typing import Final

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """A request that goes no further: the connection is closed after this answer."""

    status: int
    code: str
    message: str

    def encode(self, with_body: bool = True) -> bytes:
        """The whole response. Its body is left out for HEAD."""
        body = msgspec.json.encode({"message": self.message, "code": self.code})
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"content-type: application/json; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
            f"x-entresol-error: {self.code}\r\nconnection: close\r\n\r\n"
        )
        return head.encode("ascii") + (body if with_body else b"")


def malformed(reason: str) -> Refusal:
    """A message that breaks the grammar of RFC 9112."""
    return Refusal(400, "request_malformed", f"The request is not valid HTTP/1.1: {reason}")


def framing_ambiguous(reason: str) -> Refusal:
    """A message whose end two readers could see in different places (RFC 9112 §6.3, §11.2)."""
    return Refusal(400, "framing_ambiguous", f"The length of the request body is ambiguous: {reason}")


def body_malformed(reason: str) -> Refusal:
    """A chunked body that breaks the grammar of RFC 9112 §7.1."""
    return Refusal(400, "body_malformed", f"The chunked request body is not valid: {reason}")


def target_invalid(reason: str) -> Refusal:
    """RFC 9112 §3.2."""
    return Refusal(400, "target_invalid", f"The request target is not valid: {reason}")


BARE_LINE_FEED: Final = malformed("a line ends with LF alone instead of CRLF")
REQUEST_LINE: Final = malformed("the request line is not `METHOD target HTTP/1.1`")
NOT_HTTP: Final = malformed("it does not start with a method name")
TLS_ON_PLAIN_PORT: Final = Refusal(
    400, "tls_on_plain_port", "The client speaks TLS, but this port serves plain HTTP: use http:// or the TLS port"
)
HOST_MISSING: Final = Refusal(400, "host_missing", "The request has no Host header field")
HOST_INVALID: Final = Refusal(400, "host_invalid", "The host of the request is not a valid host name with port")
HOST_REPEATED: Final = Refusal(400, "header_repeated", "The Host header field must not be repeated")
AUTHORIZATION_REPEATED: Final = Refusal(400, "header_repeated", "The Authorization header field must not be repeated")
CONNECT_UNSUPPORTED: Final = Refusal(405, "connect_unsupported", "CONNECT is not supported: this is no forward proxy")
REQUEST_TIMEOUT: Final = Refusal(408, "request_timeout", "Request timeout")
BODY_TOO_LARGE: Final = Refusal(413, "body_too_large", "Payload too large")
REQUEST_LINE_TOO_LONG: Final = Refusal(414, "request_line_too_long", "URI too long")
EXPECTATION_FAILED: Final = Refusal(417, "expectation_failed", "The only expectation supported is 100-continue")
HEAD_TOO_LARGE: Final = Refusal(431, "head_too_large", "Request header or cookie too large")
HEADERS_TOO_MANY: Final = Refusal(431, "headers_too_many", "Too many request header fields")
INTERNAL_ERROR: Final = Refusal(500, "internal_error", "An unexpected error occurred")
METHOD_UNSUPPORTED: Final = Refusal(501, "method_unsupported", "The request method is not known")
TRANSFER_CODING_UNSUPPORTED: Final = Refusal(
    501, "transfer_coding_unsupported", "The only transfer coding supported is chunked"
)
VERSION_UNSUPPORTED: Final = Refusal(
    505, "http_version_unsupported", "Only HTTP/1.1 and HTTP/1.0 are spoken on this connection"
)
HTTP2_PREFACE: Final = Refusal(
    505, "http_version_unsupported", "HTTP/2 with prior knowledge is not spoken on this connection: use HTTP/1.1"
)
