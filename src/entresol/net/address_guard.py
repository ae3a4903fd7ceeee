"""Which addresses may be connected to when somebody outside named the URL (OWASP: server-side request forgery).

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo),
RFC 5214 §6.1 (ISATAP). An IPv6 address that holds an IPv4 address is as public as that one.
"""

import ipaddress
from collections.abc import Iterator
from typing import Final

_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; metadata of Alibaba's cloud is here, too
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: the clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; metadata of Oracle's cloud
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # Azure's host, public by its number only
    )
)
_V6_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")
"""All that is assigned for unicast; everything else is special or unassigned, but for NAT64."""
_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001:2::/48",  # benchmarks
        "2001:10::/28",  # ORCHID
        "2001:20::/28",
        "2001:db8::/32",  # documentation
        "3fff::/20",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


def is_public(address: str) -> bool:
    """True for a unicast address of the public internet. False for all others, and for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_public_v4(parsed)
    if parsed.scope_id is not None:
        return False
    if parsed in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
    if parsed not in _V6_GLOBAL or any(parsed in network for network in _V6):
        return False
    return all(_is_public_v4(inner) for inner in _embedded(parsed))


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return not any(address in network for network in _V4)


def _embedded(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that a global IPv6 address leads to."""
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    number = int(address)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)
