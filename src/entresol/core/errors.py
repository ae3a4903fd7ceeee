"""Faults, as exceptions. A refusal is not here: it is a `Deny` value (core.decision).

GatewayError
├── ClientError      the caller's message is at fault
├── UpstreamError    the upstream failed, was slow, or answered garbage
├── ConfigError      the configuration is at fault
└── InternalError    we are at fault

Each carries a stable `code` (documented in docs/reference/errors.md), an HTTP status and a message that says what
was wrong, where, and what to do. Messages never hold a secret. They are rendered once, at the edge, in the caller's
own wire format.
"""


class GatewayError(Exception):
    """A fault with a stable code. `headers` go out with the answer, such as Retry-After."""

    status = 500
    side = "gateway"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = headers
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class ClientError(GatewayError):
    """The caller's message is at fault: 4xx."""

    status = 400
    side = "client"


class UpstreamError(GatewayError):
    """The upstream failed: 502, 503 or 504."""

    status = 502
    side = "upstream"


class ConfigError(GatewayError):
    """The configuration is at fault."""

    status = 500
    side = "gateway"


class InternalError(GatewayError):
    """We are at fault."""

    status = 500
    side = "gateway"
