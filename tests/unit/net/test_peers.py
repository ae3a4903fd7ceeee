"""Addresses of both ends of a connection."""

import pytest

from entresol.core.http import Connection
from entresol.net.peers import describe_connection, plain_ip
from unit.net.client_side import FakeTransport


def test_the_sockets_addresses_are_taken() -> None:
    assert describe_connection(FakeTransport()) == Connection("192.0.2.1", 40000, "192.0.2.2", 8000)


def test_an_ipv6_address_has_four_parts_of_which_two_matter() -> None:
    transport = FakeTransport({"peername": ("2001:db8::1", 1, 0, 0), "sockname": ("::1", 2, 0, 0)})
    assert describe_connection(transport) == Connection("2001:db8::1", 1, "::1", 2)


@pytest.mark.parametrize("name", ["", b"", None, "/run/entresol.sock"])
def test_a_unix_socket_has_no_addresses(name: object) -> None:
    transport = FakeTransport({"peername": name, "sockname": "/run/entresol.sock"})
    assert describe_connection(transport) == Connection("unix:", 0, "unix:", 0)


def test_what_a_balancer_told_replaces_the_sockets_addresses() -> None:
    ends = ("203.0.113.9", 5, "203.0.113.1", 443)
    assert describe_connection(FakeTransport(), ends) == Connection(*ends)


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "::ffff:c000:201"),
        ("::1", "::1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_an_ipv4_client_on_an_ipv6_socket_keeps_its_address(address: str, plain: str) -> None:
    assert plain_ip(address) == plain
