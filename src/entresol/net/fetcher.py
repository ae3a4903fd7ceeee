"""Runs the calls that rings make (`core.fetching`): whole small answers, no redirects, no way to private addresses.

    metadata = await fetcher.run(discovery("https://idp.example"))

A URL that somebody outside named must be https and its host must have a public address; the address that is checked
is the address that is connected to, so a name that changes its mind gains nothing.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from entresol.core.errors import GatewayError
from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.core.http import HeaderPairs, Headers, Origin, ResponseHead, Timeouts, TlsClient, UpstreamRequest
from entresol.core.ports import Clock, UpstreamCall
from entresol.net.address_guard import is_public
from entresol.net.client import ClientLimits, Http1Transport
from entresol.net.dns import Lookup, Resolver
from entresol.net.pool import PoolLimits

T = TypeVar("T")

_PORTS: Final = {"http": 80, "https": 443}
_REFUSED: Final = "fetch_refused"
_LIMITS: Final = ClientLimits(max_head_bytes=32_768, max_headers=100, pool=PoolLimits(max_idle=4))
_SWEEP_S: Final = 1.0


class Fetcher:
    """Makes calls for rings, on one event loop. `close` when done."""

    def __init__(
        self,
        clock: Clock,
        allowed_hosts: frozenset[str] = frozenset(),
        lookup: Lookup | None = None,
        tls: TlsClient | None = None,
    ) -> None:
        """`allowed_hosts`, lower case, may be called although they are private or plain http."""
        self._loop = asyncio.get_running_loop()
        self._allowed_hosts = allowed_hosts
        self._tls = tls
        self._clock = clock
        guarded = Resolver(self._loop, clock, address_guard=is_public, lookup=lookup)
        self._guarded = Http1Transport(self._loop, clock, guarded, _LIMITS)
        self._plain = Http1Transport(self._loop, clock, Resolver(self._loop, clock, lookup=lookup), _LIMITS)
        self._timer = self._loop.call_later(_SWEEP_S, self._sweep)

    async def run(self, steps: Steps[T]) -> T:
        """Drive a piece of work to its end. What it raises is raised here."""
        try:
            request = next(steps)
            while True:
                try:
                    answer = await self.fetch(request)
                except FetchFailed as failure:
                    request = steps.throw(failure)
                else:
                    request = steps.send(answer)
        except StopIteration as ended:
            result: T = ended.value
            return result
        finally:
            steps.close()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """One call. Raises FetchFailed."""
        shown = without_query(request.url)
        url = _checked_url(request.url, shown)
        host = (url.hostname or "").rstrip(".")
        is_trusted = request.origin == "configured" or host in self._allowed_hosts
        if not is_trusted and url.scheme != "https":
            raise FetchFailed(shown, "only https is called", _REFUSED)
        origin = Origin(url.scheme, host, url.port or _PORTS[url.scheme], self._tls if url.scheme == "https" else None)
        collected = _Collected(self._loop.create_future(), request.max_bytes)
        transport = self._plain if is_trusted else self._guarded
        call = transport.send(_upstream_request(request, origin, url), request.body, True, collected)
        collected.on_too_large = call.cancel
        try:
            async with asyncio.timeout(request.timeout_s):
                return await collected.future
        except TimeoutError:
            raise FetchFailed(shown, f"no answer within {request.timeout_s:g} s") from None
        except _Broken as broken:
            raise FetchFailed(shown, broken.why, broken.code) from None
        finally:
            _give_up(call, collected)

    def close(self) -> None:
        """Close every connection."""
        self._timer.cancel()
        self._guarded.close()
        self._plain.close()

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(_SWEEP_S, self._sweep)
        now = self._clock.monotonic()
        self._guarded.sweep(now)
        self._plain.sweep(now)


def without_query(url: str) -> str:
    """A URL as it may be shown: what may be secret is left out."""
    bare = url.partition("#")[0].partition("?")[0]
    scheme, found, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{found}{authority.rpartition('@')[2]}{slash}{path}"[:300]


class _Broken(Exception):
    """The call failed; `why` is for people."""

    def __init__(self, why: str, code: str = "fetch_failed") -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class _Collected:
    """Receives one answer (core.ports.ResponseReceiver)."""

    def __init__(self, future: "asyncio.Future[FetchResponse]", max_bytes: int) -> None:
        self.future = future
        self.on_too_large: Callable[[], None] = lambda: None
        self._max_bytes = max_bytes
        self._head: ResponseHead | None = None
        self._body = bytearray()

    def on_informational(self, status: int, headers: Headers) -> None:
        """Of no interest."""

    def on_response_head(self, head: ResponseHead) -> None:
        self._head = head

    def on_response_body(self, data: bytes, last: bool, trailers: HeaderPairs) -> None:
        if self.future.done():
            return
        self._body += data
        if len(self._body) > self._max_bytes:
            self.future.set_exception(_Broken(f"the answer is larger than {self._max_bytes} bytes"))
            self.on_too_large()
        elif last:
            self._end()

    def on_upstream_error(self, error: GatewayError) -> None:
        if not self.future.done():
            is_refused = error.code == "upstream_address_refused"
            why = "its host has no public address" if is_refused else error.message
            self.future.set_exception(_Broken(why, _REFUSED if is_refused else "fetch_failed"))

    def on_upstream_blocked(self) -> None:
        """The body is sent in one piece."""

    def on_upstream_writable(self) -> None:
        """The body is sent in one piece."""

    def _end(self) -> None:
        head = self._head
        assert head is not None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers.pairs}
        try:
            body = _decoded(bytes(self._body), headers.get("content-encoding", "identity").lower(), self._max_bytes)
        except _Broken as broken:
            self.future.set_exception(broken)
            return
        self.future.set_result(FetchResponse(status=head.status, headers=headers, body=body))


def _decoded(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Some servers compress although they were asked not to."""
    if encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise _Broken(f"the answer is encoded as {encoding!r}")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise _Broken("the answer is no gzip") from None
    if len(plain) > max_bytes:
        raise _Broken(f"the answer is larger than {max_bytes} bytes")
    if not unpacker.eof:
        raise _Broken("the answer is cut off")
    return plain


def _checked_url(text: str, shown: str) -> SplitResult:
    """The parts of an absolute http URL that means the same to everybody."""
    if not text.isascii() or any(character <= " " or character in "\\\x7f" for character in text):
        raise FetchFailed(shown, "the URL has characters that may not stand in one", _REFUSED)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise FetchFailed(shown, f"no URL: {error}", _REFUSED) from None
    if url.scheme not in _PORTS or not url.hostname:
        raise FetchFailed(shown, "expected https://HOST/…", _REFUSED)
    if "@" in url.netloc or url.fragment or port == 0:
        raise FetchFailed(shown, "a URL with a user, a fragment or port 0 is not called", _REFUSED)
    return url


def _upstream_request(request: FetchRequest, origin: Origin, url: SplitResult) -> UpstreamRequest:
    headers = Headers([(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers])
    if headers.get(b"accept-encoding") is None:
        headers.pairs.append((b"accept-encoding", b"identity"))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    limit = request.timeout_s
    timeouts = Timeouts(connect_s=limit, first_byte_s=limit, idle_s=limit, write_s=limit, total_s=limit)
    return UpstreamRequest(origin, request.method, target, headers, origin.authority, timeouts)


def _give_up(call: UpstreamCall, collected: _Collected) -> None:
    """Whatever has not come by now is not wanted."""
    if not collected.future.done() or collected.future.cancelled() or collected.future.exception() is not None:
        call.cancel()
