"""News of what a transaction changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.records.accounts import Membership, Team
from entresol.store.sql.transactions import change_of, forget_changes, news_of
from unit.store.sql.stores import NOW, sqlite_store

KINDS = st.frozensets(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), min_size=1)


@given(st.integers(0, 2**62), KINDS)
def test_news_says_what_was_changed(number: int, kinds: frozenset[str]) -> None:
    assert change_of(news_of((number, kinds))) == (number, kinds)


@pytest.mark.anyio
async def test_all_kinds_of_a_transaction_are_one_change(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.write(
            lambda records: (
                records.insert(Team(id="t", name="t")),
                records.insert(Membership(id="m", team="t", member="u")),
            )
        )
        await store.write(lambda records: records.delete(Team, "none"))
        [(_, kinds)] = await store.changes_since(NOW)
        assert kinds == {"teams", "memberships"}
        assert list(await store.changes_since(NOW + 1)) == []
        await store.on_connection(lambda each: forget_changes(each, NOW))
        assert len(await store.changes_since(NOW)) == 1
