"""An optional transport on pyreqwest (reqwest, hyper, rustls): HTTP/2 upstreams and forward proxies.

One task per call, so it costs several times what Http1Transport does; it is for upstreams that need it. What hyper
does not tell, it cannot pass on: interim responses, trailers and upgrades (docs/concepts/upstream-client.md).
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from entresol.core.errors import ClientError, GatewayError, InternalError
from entresol.core.http import (
    HOP_BY_HOP,
    HeaderPairs,
    Headers,
    Origin,
    ResponseHead,
    Timeouts,
    TlsClient,
    UpstreamRequest,
)
from entresol.core.ports import Clock, ResponseReceiver, Transport, UpstreamCall
from entresol.net import upstream_errors
from entresol.net.dns import AddressRefused, NameNotResolved, Resolver
from entresol.net.pyreqwest_errors import error_from
from entresol.net.request_writer import serialise_head

logger = logging.getLogger("entresol.net.pyreqwest")

HIGH_WATER_BYTES: Final = 65536
_MAX_CLIENTS: Final = 256
_GRACE_S: Final = 5.0
_NOT_SENT: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
_NOT_RETURNED: Final = HOP_BY_HOP | {b"content-length"}
_METHODS_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))


class PyreqwestOptions(msgspec.Struct, frozen=True):
    """How to reach upstreams."""

    http2: bool = True
    """Offer HTTP/2 by ALPN on https."""
    http2_prior_knowledge: bool = False
    """Speak HTTP/2 at once, also without TLS."""
    proxy_url: str | None = None
    """Send everything through this forward proxy, such as `http://user:password@proxy:3128`."""
    no_proxy: str | None = None
    """Hosts that are reached directly, separated by commas."""
    max_idle_per_host: int = 512
    idle_timeout_s: float = 60.0

    def __repr__(self) -> str:
        return f"PyreqwestOptions(http2={self.http2}, proxy={self.proxy_url is not None})"


class PyreqwestTransport(Transport):
    """Sends requests through reqwest. `sweep` must be called about once a second: it drives the clocks."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        resolver: Resolver | None = None,
        options: PyreqwestOptions | None = None,
    ) -> None:
        """With a `resolver` its addresses (and its guard) are binding, otherwise reqwest resolves names itself."""
        self.now = clock.monotonic
        self.active: set[PyreqwestCall] = set()
        self._loop = loop
        self._resolver = resolver
        self._options = options or PyreqwestOptions()
        self._clients: OrderedDict[tuple[object, ...], Client] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver) -> UpstreamCall:
        """Start a call (core.ports.Transport)."""
        call = PyreqwestCall(self, request, body, last, receiver)
        try:
            call.check()
        except GatewayError as error:
            call.fail(error)
        else:
            self.active.add(call)
            call.task = self._loop.create_task(call.run())
        return call

    def sweep(self, now: float) -> None:
        """Let the clocks run."""
        for call in list(self.active):
            call.sweep(now)

    def close(self) -> None:
        """Fail what is under way and close every client; `wait_closed` waits for that."""
        for call in list(self.active):
            call.fail(upstream_errors.transport_closed(call.request.origin))
        while self._clients:
            self._close_client(self._clients.popitem()[1])

    async def wait_closed(self) -> None:
        """After `close`: until every connection is closed."""
        await asyncio.gather(*self._closing)

    async def client_for(self, request: UpstreamRequest) -> Client:
        """The reqwest client for an origin; clients share connections per configuration."""
        origin = request.origin
        address = None
        if self._resolver is not None and self._options.proxy_url is None:
            address = await self._resolve(origin, self._resolver)
        tls = origin.tls if origin.scheme == "https" else None
        pinned = (origin.host, origin.port, address) if address is not None else None
        timeouts = request.timeouts
        key = (tls, timeouts, pinned)
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = self._build(tls, timeouts, pinned)
            if len(self._clients) > _MAX_CLIENTS:
                self._close_client(self._clients.popitem(last=False)[1])
        else:
            self._clients.move_to_end(key)
        return client

    async def _resolve(self, origin: Origin, resolver: Resolver) -> str:
        try:
            return (await resolver.resolve(origin.host))[0]
        except NameNotResolved:
            raise upstream_errors.name_resolution_failed(origin) from None
        except AddressRefused as refused:
            raise upstream_errors.address_refused(origin, refused.address) from None

    def _build(self, tls: TlsClient | None, timeouts: Timeouts, pinned: tuple[str, int, str] | None) -> Client:
        options = self._options
        builder = (
            ClientBuilder()
            .follow_redirects(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .referer(False)
            .http1_lower_case_headers()
            .user_agent("")
            .pool_max_idle_per_host(options.max_idle_per_host)
            .pool_idle_timeout(timedelta(seconds=options.idle_timeout_s))
            .http2(options.http2)
        )
        if options.http2_prior_knowledge:
            builder = builder.http2_prior_knowledge()
        if timeouts.connect_s:
            builder = builder.connect_timeout(timedelta(seconds=timeouts.connect_s))
        if timeouts.first_byte_s and timeouts.idle_s:
            # pyreqwest drops an unanswered request that was cancelled no sooner than this; our own clocks are first
            limit = max(timeouts.first_byte_s, timeouts.idle_s) + _GRACE_S
            builder = builder.read_timeout(timedelta(seconds=limit))
        if pinned is not None:
            host, port, address = pinned
            builder = builder.resolve(host, address, port)
        builder = builder.no_proxy() if options.proxy_url is None else builder.proxy(_proxy(options))
        return _with_tls(builder, tls).build() if tls is not None else builder.build()

    def _close_client(self, client: Client) -> None:
        task = self._loop.create_task(_close(client))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class PyreqwestCall(UpstreamCall):
    """One request under way in a task of its own."""

    def __init__(
        self, owner: PyreqwestTransport, request: UpstreamRequest, body: bytes, last: bool, receiver: ResponseReceiver
    ) -> None:
        self.request = request
        self.task: asyncio.Task[None] | None = None
        self._owner = owner
        self._receiver = receiver
        self._body: list[bytes] = [body] if body else []
        self._is_whole = last
        """The request came in one piece."""
        self._is_sent = last
        self._is_over = False
        self._is_blocked = False
        self._has_head = False
        self._more = asyncio.Event()
        self._running = asyncio.Event()
        self._running.set()
        self._started_at = self._mark = owner.now()

    # --- UpstreamCall

    def send_body(self, data: bytes, last: bool, trailers: HeaderPairs | None = None) -> None:
        """More of the request body. Trailers cannot be sent this way and are left out."""
        if self._is_over or self._is_sent:
            return
        if data:
            self._body.append(data)
        if last:
            self._is_sent = True
            self._mark = self._owner.now()
        self._more.set()
        if not self._is_blocked and sum(map(len, self._body)) > HIGH_WATER_BYTES:
            self._is_blocked = True
            self._receiver.on_upstream_blocked()

    def pause(self) -> None:
        """Stop reading the response."""
        self._running.clear()

    def resume(self) -> None:
        """Read on."""
        self._mark = self._owner.now()
        self._running.set()

    def cancel(self) -> None:
        """Drop the call at once."""
        self._end()
        if self.task is not None:
            self.task.cancel()

    # --- for the transport

    def check(self) -> None:
        """Refuse what would be changed on the way: the URL is parsed once more by reqwest."""
        request = self.request
        origin = request.origin
        serialise_head(request, b"", True)
        if request.upgrade is not None:
            advice = "use the built-in transport for this service"
            raise upstream_errors.unsupported(origin, "this transport does not tunnel upgrades", advice)
        if origin.unix_path is not None:
            advice = "use the built-in transport for this service"
            raise upstream_errors.unsupported(origin, "this transport does not reach Unix sockets", advice)
        sent = str(Url(self._url()))
        if not sent.endswith(request.target) or "#" in request.target:
            text = f"the path would reach {origin.host} in another form than was checked; send it in its normal form"
            raise ClientError("request_not_sendable", text)

    def sweep(self, now: float) -> None:
        """Fail the call if one of its clocks has run out."""
        limits = self.request.timeouts
        origin = self.request.origin
        waited = now - self._mark
        if limits.total_s and now - self._started_at >= limits.total_s:
            self._break(upstream_errors.total_timeout(origin, limits.total_s))
        elif self._has_head:
            if not self._running.is_set():
                self._mark = now
            elif limits.idle_s and waited >= limits.idle_s:
                self._break(upstream_errors.idle_timeout(origin, limits.idle_s))
        elif self._body and not self._is_whole:
            if limits.write_s and waited >= limits.write_s:
                self._break(upstream_errors.write_timeout(origin, limits.write_s))
        elif not self._is_sent:
            self._mark = now
        elif limits.first_byte_s and waited >= limits.first_byte_s:
            self._break(upstream_errors.first_byte_timeout(origin, limits.first_byte_s))

    def fail(self, error: GatewayError) -> None:
        """Break off and tell the receiver why."""
        self._break(error)

    async def run(self) -> None:
        """The whole exchange."""
        try:
            client = await self._owner.client_for(self.request)
            async with self._build(client) as response:
                await self._receive(response)
        except GatewayError as error:
            self._break(error)
        except PyreqwestError as error:
            self._break(error_from(self.request.origin, error, self._has_head))
        except Exception:
            logger.exception("a call to %s failed", upstream_errors.peer_of(self.request.origin))
            self._break(InternalError("internal_error", "a call to the upstream failed; see the log"))

    # --- inside

    def _url(self) -> str:
        origin = self.request.origin
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        return f"{origin.scheme}://{host}:{origin.port}{self.request.target}"

    def _build(self, client: Client) -> StreamRequest:
        request = self.request
        builder = client.request(request.method, self._url()).streamed_read_buffer_limit(0)
        if request.host != request.origin.authority:
            builder = builder.header("host", request.host)
        length: bytes | None = None
        for name, value in request.headers.pairs:
            if name not in _NOT_SENT:
                builder = builder.header(name.decode("ascii"), _text(value))
            elif name == b"content-length":
                length = value
        if not self._is_whole:
            if length is not None:
                builder = builder.header("content-length", length.decode("ascii"))
            builder = builder.body_stream(self._stream())
        elif self._body:
            builder = builder.body_bytes(self._body[0])
        elif request.method in _METHODS_WITH_BODY:
            builder = builder.header("content-length", "0")
        return builder.build_streamed()

    async def _stream(self) -> AsyncIterator[bytes]:
        while True:
            while self._body:
                data = b"".join(self._body)
                self._body.clear()
                self._mark = self._owner.now()
                if self._is_blocked:
                    self._is_blocked = False
                    self._receiver.on_upstream_writable()
                yield data
            if self._is_sent:
                return
            self._more.clear()
            await self._more.wait()

    async def _receive(self, response: Response) -> None:
        receiver = self._receiver
        head = _head_of(response, self.request.origin)
        self._has_head = True
        self._mark = self._owner.now()
        receiver.on_response_head(head)
        if not self._is_over:
            receiver.on_response_body(b"", False, [])
        reader = response.body_reader
        while not self._is_over:
            await self._running.wait()
            chunk = await reader.read_chunk()
            if self._is_over:
                return
            self._mark = self._owner.now()
            if chunk is None:
                self._end()
                receiver.on_response_body(b"", True, [])
                return
            receiver.on_response_body(bytes(chunk), False, [])

    def _break(self, error: GatewayError) -> None:
        if self._is_over:
            return
        self._end()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()
        self._receiver.on_upstream_error(error)

    def _end(self) -> None:
        self._is_over = True
        self._body.clear()
        self._owner.active.discard(self)


def _head_of(response: Response, origin: Origin) -> ResponseHead:
    headers = response.headers
    if response.version.startswith("HTTP/1") and "transfer-encoding" in headers and "content-length" in headers:
        raise upstream_errors.protocol_error(origin, "Content-Length together with Transfer-Encoding")
    try:
        found = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    except ValueError:
        raise upstream_errors.protocol_error(origin, "a header field value that is not ASCII") from None
    nominated = _NOT_RETURNED
    length: int | None = None
    for name, value in found:
        if name == b"connection":
            nominated = nominated | {token.strip().lower() for token in value.split(b",")}
        elif name == b"content-length" and value.isdigit():
            length = int(value)
    pairs = [pair for pair in found if pair[0] not in nominated]
    return ResponseHead(response.status, Headers(pairs), length)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ClientError("request_not_sendable", "a header field value is not UTF-8 text; remove it") from None


def _proxy(options: PyreqwestOptions) -> ProxyBuilder:
    assert options.proxy_url is not None
    return ProxyBuilder.all(options.proxy_url).no_proxy(options.no_proxy)


def _with_tls(builder: ClientBuilder, tls: TlsClient) -> ClientBuilder:
    if not tls.verify:
        builder = builder.danger_accept_invalid_certs(True)
    if tls.ca_pem is not None:
        builder = builder.add_root_certificate_pem(tls.ca_pem.encode("ascii"))
    if tls.certificate_pem is not None:
        builder = builder.identity_pem(f"{tls.certificate_pem}\n{tls.key_pem or ''}".encode("ascii"))
    return builder


async def _close(client: Client) -> None:
    await client.close()
