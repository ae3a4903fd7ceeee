"""Calls to other servers, as the rings make them: generators that yield requests and receive answers.

    def discovery(issuer: str) -> Steps[Metadata]:
        answer = yield FetchRequest(url=f"{issuer}/.well-known/openid-configuration")
        return read_metadata(answer)

The generator decides what to ask and what to make of it; an adapter moves the bytes (`net.fetcher`). A test drives it
by hand. What goes wrong on the way is thrown into it as FetchFailed.
"""

from collections.abc import Generator
from typing import Literal, TypeVar

import msgspec

from entresol.core.errors import UpstreamError

T = TypeVar("T")
Fields = tuple[tuple[str, str], ...]


class FetchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Redirects are never followed."""

    url: str
    method: str = "GET"
    headers: Fields = ()
    body: bytes = b""
    origin: Literal["outside", "configured"] = "outside"
    """Who named the URL. From outside (a client, a token, another server's metadata): https only, and only public
    addresses, checked on the very address that is connected to. What an administrator configured may be private."""
    max_bytes: int = 262_144
    """An answer that is larger is a failure."""
    timeout_s: float = 10.0


class FetchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. Names of header fields are in lower case; of repeated ones the last counts."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""


class FetchFailed(UpstreamError):
    """No answer: 502 `fetch_failed`, or `fetch_refused` for a URL that must not be called."""

    def __init__(self, url: str, why: str, code: str = "fetch_failed") -> None:
        super().__init__(code, f"{url}: {why}")


Steps = Generator[FetchRequest, FetchResponse, T]
"""A piece of work that makes calls and comes to a T."""
