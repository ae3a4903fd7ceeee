import socket
from collections.abc import Iterator

import pytest

from entresol.supervisor.channel import Channel
from entresol.supervisor.framing import frame, supervisor_messages
from entresol.supervisor.messages import Discard, FromSupervisor, Prepare, Ready


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    with ours, theirs:
        yield Channel(ours), theirs


def test_messages_go_out_in_one_batch(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    channel.send(Discard("a"))
    channel.send(Discard("b"))
    assert not channel.flush()
    assert theirs.recv(4096) == frame([Discard("a"), Discard("b")])


def test_more_than_the_socket_takes_is_sent_when_there_is_room(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    big: FromSupervisor = Prepare("v", b"x" * 5_000_000)
    channel.send(big)
    assert channel.flush()
    reader = supervisor_messages()
    received: list[FromSupervisor] = []
    while not received:
        received += reader.feed(theirs.recv(1 << 20))
        channel.flush()
    assert received == [big]
    assert not channel.flush()


def test_messages_are_received_and_the_end_is_seen(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    assert channel.receive() == []
    theirs.sendall(frame([Ready("v")]))
    assert channel.receive() == [Ready("v")]
    theirs.close()
    assert channel.receive() is None


def test_sending_to_a_worker_that_is_gone_is_no_error(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.close()
    channel.send(Discard("a"))
    assert not channel.flush()


def test_nonsense_is_an_error(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="frame of"):
        channel.receive()
