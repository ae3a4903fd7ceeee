"""What a transaction is on both databases: work on records, and the news of what it changed."""

import secrets
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, delete, insert, select, text

from entresol.core.storage import Records
from entresol.store.sql.records import SqlRecords
from entresol.store.sql.sealing import Sealer
from entresol.store.sql.tables import CHANGES

T = TypeVar("T")
CHANNEL: Final = "entresol_changes"
"""Of PostgreSQL's NOTIFY."""
NEWS_KEPT_S: Final = 600

Change = tuple[int, frozenset[str]]
"""An id that tells changes apart, and the kinds of records that were written to."""


class Surroundings:
    """What every transaction of a store is given."""

    def __init__(self, sealer: Sealer, now: Callable[[], int]) -> None:
        self.sealer = sealer
        self.now = now

    def read(self, connection: Connection, work: Callable[[Records], T]) -> T:
        """Run work that only reads."""
        return work(SqlRecords(connection, self.sealer, self.now))

    def write(self, connection: Connection, work: Callable[[Records], T]) -> tuple[T, Change | None]:
        """Run work that writes, and note what it changed in the same transaction."""
        records = SqlRecords(connection, self.sealer, self.now)
        result = work(records)
        if not records.changed:
            return result, None
        change = secrets.randbits(62), frozenset(records.changed)
        kinds = " ".join(sorted(records.changed))
        connection.execute(insert(CHANGES).values(id=change[0], kinds=kinds, at=self.now()))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_notify(:channel, :news)"), {"channel": CHANNEL, "news": news_of(change)})
        return result, change


def changes_since(connection: Connection, at: int) -> list[Change]:
    """Changes from this second on."""
    rows = connection.execute(select(CHANGES.c.id, CHANGES.c.kinds).where(CHANGES.c.at >= at))
    return [(row.id, frozenset(row.kinds.split())) for row in rows]


def forget_changes(connection: Connection, before: int) -> None:
    """Drop old news."""
    connection.execute(delete(CHANGES).where(CHANGES.c.at < before))


def news_of(change: Change) -> str:
    """A change as a notification; PostgreSQL's may have 8,000 bytes."""
    return f"{change[0]} {' '.join(sorted(change[1]))}"


def change_of(news: str) -> Change:
    """What `news_of` wrote."""
    number, _, kinds = news.partition(" ")
    return int(number), frozenset(kinds.split())
