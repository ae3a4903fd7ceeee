from typing import Any

import msgspec
import pytest

from entresol.llm.price_table import FORMAT, PriceTable, price_table, read_table
from entresol.llm.price_table_checks import check_names, faults

ROW = {"tiers": [{"above": 0, "rates": {"input": 1}}]}
MODEL = {"id": "m", "rows": [ROW]}


def table(*models: dict[str, Any]) -> PriceTable:
    head = {"format": FORMAT, "source": "s", "version": "1", "licence": ""}
    return read_table(msgspec.json.encode({**head, "providers": {"openai": {"models": models}}}))


def test_the_packages_table_has_no_faults() -> None:
    assert list(faults(price_table())) == []
    assert list(faults(table(MODEL))) == []


@pytest.mark.parametrize(
    ("models", "fault"),
    [
        ((), "it has no prices"),
        ((MODEL, {**MODEL, "id": "M"}), "openai/m is there 2 times"),
        (({**MODEL, "rows": []},), "openai/m: it has no rows"),
        (({**MODEL, "rows": [ROW, ROW]},), "openai/m: 2 rows of the same time and tier"),
        (({**MODEL, "id": ""},), "openai/: an empty name is that of every model"),
        (({**MODEL, "prefixes": [""]},), "openai/m: an empty name is that of every model"),
        (({**MODEL, "patterns": ["("]},), "openai/m: pattern '(': missing ), unterminated subpattern at position 0"),
        (({**MODEL, "patterns": ["^(a+)+$"]},), "openai/m: pattern '^(a+)+$': may take for ever"),
        (({**MODEL, "rows": [{**ROW, "since": "2026-99-01"}]},), "openai/m: 2026-99-01 is no day"),
        (
            ({**MODEL, "rows": [{**ROW, "since": "2026-02-01", "until": "2026-02-01"}]},),
            "openai/m: until 2026-02-01 is not after since 2026-02-01",
        ),
        (({**MODEL, "rows": [{**ROW, "minutes": [5, 5]}]},), "openai/m: minutes end where they begin"),
    ],
)
def test_what_nobody_can_bill_by_is_a_fault(models: tuple[dict[str, Any], ...], fault: str) -> None:
    assert list(faults(table(*models))) == [fault]


@pytest.mark.parametrize(
    "change",
    [{"input": -1}, {"input": 10**16}, {"input": 1.5}, {"input": "1"}, {"input": True}, {"inputt": 1}, {"input": None}],
)
def test_a_rate_that_is_none_cannot_be_read(change: dict[str, Any]) -> None:
    row = {"tiers": [{"above": 0, "rates": {"input": 1, **change}}]}
    with pytest.raises(ValueError, match="rates"):
        list(faults(table({"id": "m", "rows": [row]})))


def test_a_member_that_is_there_twice_is_a_fault() -> None:
    check_names(b'{"a":{"b":1},"b":[{"a":1}]}')
    with pytest.raises(ValueError, match="'b' is there twice in one object"):
        check_names(b'{"a":[{"b":1,"b":1}]}')
