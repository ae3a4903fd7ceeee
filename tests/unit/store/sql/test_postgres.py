"""PostgreSQL's driver; what it answers is in the contract."""

import pytest

from entresol.core.storage import StoreDown
from entresol.identity.records.accounts import Team
from entresol.store.sql.postgres import PostgresStore
from unit.store.sql.stores import ENVELOPE, NOW

URL = "postgresql://ada:hunter2@127.0.0.1:1/entresol"


def test_the_password_is_not_shown() -> None:
    shown = repr(PostgresStore(URL, ENVELOPE, lambda: NOW))
    assert "hunter2" not in shown
    assert "127.0.0.1:1/entresol" in shown


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    store = PostgresStore(URL, ENVELOPE, lambda: NOW)
    for call in (
        store.read(lambda records: records.count(Team)),
        store.write(lambda records: records.count(Team)),
        store.listen(lambda change: None, lambda: None),
    ):
        with pytest.raises(StoreDown) as failed:
            await call
        assert "hunter2" not in failed.value.message
    await store.close()
