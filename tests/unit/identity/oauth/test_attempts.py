"""Counting attempts."""

import asyncio

from entresol.identity.oauth.attempts import LocalAttempts


def admitted(attempts: LocalAttempts, key: str, now: int, limit: int = 2) -> int:
    return asyncio.run(attempts.admit(key, limit, 60, now))


def test_attempts_beyond_the_limit_wait_for_the_end_of_the_window() -> None:
    attempts = LocalAttempts()
    assert [admitted(attempts, "a", 100 + n) for n in range(3)] == [0, 0, 58]
    assert admitted(attempts, "b", 102) == 0
    assert admitted(attempts, "a", 160) == 0


def test_windows_that_are_over_are_forgotten_first_and_then_the_oldest() -> None:
    attempts = LocalAttempts(max_keys=2)
    admitted(attempts, "old", 0, limit=1)
    admitted(attempts, "kept", 59, limit=1)
    admitted(attempts, "new", 61, limit=1)
    assert admitted(attempts, "kept", 62, limit=1) == 57
    admitted(attempts, "newest", 63, limit=1)
    assert admitted(attempts, "new", 64, limit=1) == 57
    assert admitted(attempts, "kept", 64, limit=1) == 0
