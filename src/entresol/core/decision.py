"""What a phase may return besides None: an answer of its own, or a refusal. Both are values, never exceptions."""

import msgspec

from entresol.core.http import HeaderPairs


class Answer(msgspec.Struct, frozen=True):
    """A complete response made by the gateway itself (Kong's `response.exit`)."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Deny(msgspec.Struct, frozen=True):
    """A refusal. The edge renders it in the caller's wire format."""

    status: int
    code: str
    """Stable slug, documented in docs/reference/errors.md."""
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    bare: bool = False
    """Kong's `response.exit` shape: a JSON object without `request_id`. The default is its `response.error` shape."""


Outcome = Answer | Deny


def header(name: str, value: str | int) -> tuple[bytes, bytes]:
    """One header field from text."""
    return name.lower().encode("ascii"), str(value).encode("latin-1")


def pairs(headers: tuple[tuple[bytes, bytes], ...]) -> HeaderPairs:
    """A mutable copy of an answer's header fields."""
    return list(headers)
