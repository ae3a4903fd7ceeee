"""What counts once."""

from entresol.identity.oauth.used_once import use_once
from fake_records import MemoryRecords


def test_the_second_use_is_noticed() -> None:
    records = MemoryRecords()
    assert use_once(records, "a", "b", until=1)
    assert not use_once(records, "a", "b", until=1)


def test_parts_do_not_run_together() -> None:
    records = MemoryRecords()
    assert use_once(records, "a", "bc", until=1)
    assert use_once(records, "ab", "c", until=1)
