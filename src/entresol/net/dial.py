"""Opens connections to upstreams: resolve, connect to the addresses as in RFC 8305, TLS.

One task per new connection runs this; a request on a pooled connection never comes here.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

from entresol.core.errors import GatewayError
from entresol.core.http import Origin
from entresol.net import upstream_errors
from entresol.net.dns import AddressRefused, NameNotResolved, Resolver
from entresol.net.tls_client import TlsContexts, server_name_for

ATTEMPT_DELAY_S: Final = 0.25
"""How long one address may keep the next one waiting (RFC 8305 §5)."""


class ProtocolShape(Protocol):
    """An asyncio protocol in shape: compiled ones do not inherit from asyncio's classes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""


P = TypeVar("P", bound=ProtocolShape)


class Dialer:
    """Opens connections. Failures are UpstreamErrors that name the origin."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        resolver: Resolver,
        tls: TlsContexts | None = None,
        attempt_delay_s: float = ATTEMPT_DELAY_S,
    ) -> None:
        self._attempt_delay_s = attempt_delay_s
        self._loop = loop
        self._resolver = resolver
        self._tls = tls or TlsContexts()

    async def dial(self, origin: Origin, make_protocol: Callable[[], P]) -> P:
        """A protocol made by `make_protocol`, connected to `origin`. Raises GatewayError."""
        context = self._tls.context_for(origin) if origin.scheme == "https" else None
        try:
            if origin.unix_path is not None:
                return await self._dial_unix(origin, origin.unix_path, context, make_protocol)
            addresses = await self._resolver.resolve(origin.host)
            if len(addresses) == 1:
                return await self._dial_address(origin, addresses[0], context, make_protocol)
            return await self._race(origin, addresses, context, make_protocol)
        except NameNotResolved:
            raise upstream_errors.name_resolution_failed(origin) from None
        except AddressRefused as refused:
            raise upstream_errors.address_refused(origin, refused.address) from None
        except GatewayError:
            self._resolver.forget(origin.host)
            raise

    async def _race(
        self, origin: Origin, addresses: tuple[str, ...], context: ssl.SSLContext | None, make_protocol: Callable[[], P]
    ) -> P:
        """The first address that answers wins. The next one starts when one fails, or after a short delay."""
        remaining = list(addresses)
        attempts: set[asyncio.Task[P]] = set()
        first_error: GatewayError | None = None
        try:
            while remaining or attempts:
                if remaining:
                    attempt = self._dial_address(origin, remaining.pop(0), context, make_protocol)
                    attempts.add(self._loop.create_task(attempt))
                delay = self._attempt_delay_s if remaining else None
                done, attempts = await asyncio.wait(attempts, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
                winner, error = _outcome(done)
                if winner is not None:
                    return winner
                first_error = first_error or error
        finally:
            for task in attempts:
                task.cancel()
                task.add_done_callback(_close_late)
        assert first_error is not None
        raise first_error

    async def _dial_address(
        self, origin: Origin, address: str, context: ssl.SSLContext | None, make_protocol: Callable[[], P]
    ) -> P:
        name = server_name_for(origin) if context is not None else None
        try:
            protocol: P
            _, protocol = await self._loop.create_connection(
                cast("Callable[[], Any]", make_protocol), address, origin.port, ssl=context, server_hostname=name
            )
        except OSError as error:
            raise _failure(origin, error, context) from None
        return protocol

    async def _dial_unix(
        self, origin: Origin, path: str, context: ssl.SSLContext | None, make_protocol: Callable[[], P]
    ) -> P:
        name = server_name_for(origin) if context is not None else None
        try:
            protocol: P
            _, protocol = await self._loop.create_unix_connection(
                cast("Callable[[], Any]", make_protocol), path, ssl=context, server_hostname=name
            )
        except OSError as error:
            raise _failure(origin, error, context) from None
        return protocol


def _failure(origin: Origin, error: OSError, context: ssl.SSLContext | None) -> GatewayError:
    if context is not None and isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)):
        return upstream_errors.tls_failed(origin, error)  # closed during the handshake
    return upstream_errors.connect_failed(origin, error)


def _outcome(done: set[asyncio.Task[P]]) -> tuple[P | None, GatewayError | None]:
    winner: P | None = None
    error: GatewayError | None = None
    for task in done:
        failure = task.exception()
        if failure is None:
            if winner is None:
                winner = task.result()
            else:
                _close_late(task)
        elif isinstance(failure, GatewayError):
            error = failure
        else:
            raise failure
    return winner, error


def _close_late(task: "asyncio.Task[P]") -> None:
    """A connection that lost the race."""
    if task.cancelled() or task.exception() is not None:
        return
    protocol = task.result()
    close = getattr(protocol, "close", None)
    if close is not None:
        close()
