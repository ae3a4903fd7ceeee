import time

from entresol.net.clock import SystemClock


def test_it_tells_the_time_of_the_system() -> None:
    clock = SystemClock()
    before = time.time(), time.monotonic()
    assert before <= (clock.now(), clock.monotonic()) <= (time.time(), time.monotonic())
