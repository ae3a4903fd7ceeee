import signal

from entresol.app.hang_ups import hang_ups_come_through, hang_ups_wait


def is_blocked() -> bool:
    return signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def hang_up() -> None:
    """To this thread: one that another test has left would take what is sent to the process, and end it."""
    signal.raise_signal(signal.SIGHUP)


def test_a_hang_up_waits_until_there_is_a_handler() -> None:
    heard: list[int] = []
    before = signal.getsignal(signal.SIGHUP)
    try:
        with hang_ups_wait():
            hang_up()  # the test would end here
            signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
            assert heard == []
            with hang_ups_come_through():
                assert heard == [signal.SIGHUP]
                hang_up()
                assert len(heard) == 2
            hang_up()
            assert len(heard) == 2
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_nobody_has_heard_is_dropped_at_the_end() -> None:
    with hang_ups_wait():
        hang_up()
        hang_up()
    assert not is_blocked()


def test_it_changes_nothing_for_who_blocks_them_already() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    try:
        with hang_ups_wait(), hang_ups_come_through():
            assert not is_blocked()
        assert is_blocked()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
