import socket
from pathlib import Path

import pytest

from entresol.core.errors import ConfigError
from entresol.net.worker_sockets import bind_for_workers, close_all, remove_socket_file, shown_address


def test_every_worker_gets_a_socket_on_the_same_port() -> None:
    sockets = bind_for_workers("127.0.0.1:0", 3)
    try:
        assert len({id(sock) for sock in sockets}) == 3
        assert len({sock.getsockname() for sock in sockets}) == 1
        with socket.create_connection(sockets[0].getsockname()):
            pass  # they listen already, so that clients can queue
    finally:
        close_all(sockets)


def test_a_single_worker_shares_its_port_with_nobody() -> None:
    (sock,) = bind_for_workers("127.0.0.1:0", 1)
    with sock:
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)


def test_many_workers_take_no_port_that_another_node_of_many_has() -> None:
    sockets = bind_for_workers("127.0.0.1:0", 2)
    try:
        with pytest.raises(ConfigError, match="Address already in use"):
            bind_for_workers(shown_address(sockets[0]), 2)
    finally:
        close_all(sockets)


def test_workers_share_one_unix_socket(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/e.sock"
    sockets = bind_for_workers(address, 2)
    assert sockets[0] is sockets[1]
    assert shown_address(sockets[0]) == address
    close_all(sockets)
    remove_socket_file(address)
    assert not (tmp_path / "e.sock").exists()
    remove_socket_file(address)
    remove_socket_file("127.0.0.1:80")


def test_closing_all_but_some_leaves_those_open(tmp_path: Path) -> None:
    own, other = bind_for_workers("127.0.0.1:0", 2)
    shared = bind_for_workers(f"unix:{tmp_path}/e.sock", 2)[0]
    close_all((other, shared), but=(own, shared))
    assert [sock.fileno() == -1 for sock in (own, other, shared)] == [False, True, False]
    close_all((own, shared))


def test_addresses_are_shown_as_they_are_written() -> None:
    (sock,) = bind_for_workers("[::1]:0", 1)
    with sock:
        assert shown_address(sock) == f"[::1]:{sock.getsockname()[1]}"
