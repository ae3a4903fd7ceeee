import os
import signal
import socket

import pytest

from entresol.supervisor.child import FIRST_DELAY_S, MAX_DELAY_S, SETTLED_S, Child, fork
from entresol.supervisor.messages import WorkerState


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_process_exits_with_what_its_function_returns() -> None:
    assert exit_code(fork(lambda: 7)) == 7


def test_a_forked_process_that_raises_exits_with_1(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise RuntimeError("of no use")

    assert exit_code(fork(fail)) == 1


def test_a_forked_process_has_none_of_our_signal_handlers() -> None:
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:

        def look() -> int:
            ours = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
            held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            return 0 if ours == [signal.SIG_DFL, signal.SIG_IGN, signal.SIG_IGN] and not held else 1

        assert exit_code(fork(look)) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_a_child_is_connected_to_us() -> None:
    child = Child(3)

    def echo(link: socket.socket) -> int:
        link.settimeout(10)
        return link.recv(1)[0]

    child.start(echo, 0.0)
    assert child.channel is not None
    assert (child.state, child.restarts, child.shown().pid) == ("starting", 0, child.pid)
    child.channel.sock.sendall(b"\x05")
    assert exit_code(child.pid) == 5
    assert child.died(1.0) == 0.0
    assert child.shown() == WorkerState(3, 0, "down", 0)


def test_who_dies_again_and_again_waits_longer_and_longer() -> None:
    child = Child(0)
    delays = []
    now = 0.0
    for _ in range(10):
        child.start(lambda link: 0, now)
        exit_code(child.pid)
        delays.append(child.died(now))
    assert delays[:4] == [0.0, FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == MAX_DELAY_S
    child.start(lambda link: 0, now)
    exit_code(child.pid)
    assert child.died(now + SETTLED_S) == 0.0
    assert child.shown().restarts == 10
