"""Turns host names into addresses: cached, never on the event loop's thread, stale rather than slow.

getaddrinfo tells no TTL, so every answer is kept for a configured time. An answer that has expired is still used
while it is being refreshed; only a name that was never resolved makes a new connection wait.
"""

import asyncio
import ipaddress
import logging
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from entresol.core.ports import Clock

logger = logging.getLogger("entresol.net.dns")

AddressGuard = Callable[[str], bool]
"""Says whether we may connect to an IP address; the place for a guard against server-side request forgery."""

Lookup = Callable[[str], Awaitable[list[str]]]
"""Asks the operating system for the addresses of a host; raises OSError when there are none."""

_LOCALHOST: Final = ("127.0.0.1", "::1")


class DnsLimits(msgspec.Struct, frozen=True):
    """How long answers are kept, in seconds, and how many."""

    ttl_s: float = 30.0
    negative_ttl_s: float = 5.0
    stale_s: float = 3600.0
    """How long past its TTL an answer may still be used while it is refreshed, or while refreshing fails."""
    max_names: int = 4096


class NameNotResolved(Exception):
    """The host name has no address."""


class AddressRefused(Exception):
    """The guard allows none of the addresses. `address` is the first of them."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class _Answer:
    __slots__ = ("addresses", "ask_again_at", "expires_at", "refresh")

    def __init__(self) -> None:
        self.addresses: tuple[str, ...] = ()
        self.expires_at = 0.0
        """When the addresses cease to be fresh."""
        self.ask_again_at = 0.0
        self.refresh: asyncio.Task[None] | None = None


class Resolver:
    """Addresses of host names, with a cache."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        limits: DnsLimits | None = None,
        address_guard: AddressGuard | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._limits = limits or DnsLimits()
        self._guard = address_guard
        self._lookup = lookup or self._getaddrinfo
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """IP addresses to try, in order, address families in turn. Raises NameNotResolved or AddressRefused."""
        addresses = literal_addresses(host)
        if addresses is None:
            addresses = await self._resolve_name(host.lower().rstrip("."))
        guard = self._guard
        if guard is None:
            return addresses
        allowed = tuple(address for address in addresses if guard(address))
        if not allowed:
            raise AddressRefused(addresses[0])
        return allowed

    def forget(self, host: str) -> None:
        """Ask again at the next call: none of the cached addresses could be reached."""
        answer = self._answers.get(host.lower().rstrip("."))
        if answer is not None:
            answer.ask_again_at = min(answer.ask_again_at, self._clock.monotonic())

    async def _resolve_name(self, name: str) -> tuple[str, ...]:
        answers = self._answers
        answer = answers.get(name)
        if answer is None:
            answer = answers[name] = _Answer()
            self._drop_oldest()
        else:
            answers.move_to_end(name)
        limits = self._limits
        now = self._clock.monotonic()
        if now >= answer.ask_again_at:
            if answer.refresh is None:
                answer.refresh = self._loop.create_task(self._refresh(name, answer))
            if not answer.addresses or now >= answer.expires_at + limits.stale_s:
                await asyncio.shield(answer.refresh)
        if not answer.addresses:
            raise NameNotResolved(name)
        return answer.addresses

    async def _refresh(self, name: str, answer: _Answer) -> None:
        limits = self._limits
        try:
            found = await self._lookup(name)
        except (OSError, UnicodeError) as error:
            logger.warning("name resolution of %s failed: %s", name, error)
            found = []
        finally:
            answer.refresh = None
        now = self._clock.monotonic()
        if found:
            answer.addresses = families_in_turn(found)
            answer.expires_at = answer.ask_again_at = now + limits.ttl_s
            return
        answer.ask_again_at = now + limits.negative_ttl_s
        if now >= answer.expires_at + limits.stale_s:
            answer.addresses = ()

    def _drop_oldest(self) -> None:
        while len(self._answers) > self._limits.max_names:
            self._answers.popitem(last=False)

    async def _getaddrinfo(self, name: str) -> list[str]:
        loop = self._loop
        found: list[tuple[Any, ...]] = await loop.run_in_executor(None, _ask_system, name)
        return [str(entry[4][0]) for entry in found]


def literal_addresses(host: str) -> tuple[str, ...] | None:
    """The addresses of a host that needs no name resolution: an IP literal, or localhost (RFC 6761 §6.3)."""
    if host[-1:].isdigit() or ":" in host:
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            return None
    lower = host.lower()
    return _LOCALHOST if lower == "localhost" or lower.endswith(".localhost") else None


def families_in_turn(addresses: list[str]) -> tuple[str, ...]:
    """Without repetitions, the families taking turns, so that one broken family costs one attempt (RFC 8305 §4)."""
    first: list[str] = []
    second: list[str] = []
    for address in dict.fromkeys(addresses):
        is_first_family = not first or (":" in address) == (":" in first[0])
        (first if is_first_family else second).append(address)
    turns: list[str] = []
    for index in range(max(len(first), len(second))):
        turns.extend(first[index : index + 1])
        turns.extend(second[index : index + 1])
    return tuple(turns)


def _ask_system(name: str) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
