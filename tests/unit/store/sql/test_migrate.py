"""Where a database stands; how it is migrated is in the contract."""

from entresol.store.sql.migrate import Standing, Step

EXPAND, CONTRACT = Step("0002", "more", "expand"), Step("0003", "less", "contract")


def test_only_taking_away_stops_older_nodes() -> None:
    assert not Standing("0001", (EXPAND,)).stops_older_nodes
    assert Standing("0001", (EXPAND, CONTRACT)).stops_older_nodes


def test_a_database_is_current_when_nothing_is_pending() -> None:
    assert Standing("0003", ()).is_current
    assert not Standing(None, (EXPAND,)).is_current
