"""Rows of records; what all stores answer is in the contract."""

from pathlib import Path

import pytest
from sqlalchemy import text

from entresol.core.errors import InternalError
from entresol.identity.records.accounts import Team
from entresol.identity.records.issuers import Issuer
from entresol.store.envelope import Envelope
from entresol.store.sql.sqlite import SqliteStore
from unit.store.sql.stores import NOW, sqlite_store

pytestmark = pytest.mark.anyio
ISSUER = Issuer(id="i1", organisation="o", name="n", issuer="https://i", client_secret="hunter2")


async def test_a_secret_is_not_in_the_file(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.write(lambda records: records.insert(ISSUER))
        found = await store.read(lambda records: records.need(Issuer, "i1"))
        body = await store.on_connection(lambda each: each.execute(text("SELECT body FROM issuers")).scalar_one())
    assert found.client_secret == "hunter2"
    assert "hunter2" not in body
    assert all(b"hunter2" not in path.read_bytes() for path in tmp_path.iterdir())


async def test_a_secret_that_was_moved_to_another_record_does_not_open(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.write(lambda records: records.insert(ISSUER))
        await store.on_connection(lambda each: each.execute(text("UPDATE issuers SET id = 'i2'")))
        with pytest.raises(InternalError, match="secret_unreadable"):
            await store.read(lambda records: records.need(Issuer, "i2"))


async def test_other_keys_open_nothing(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.write(lambda records: records.insert(ISSUER))
    other = SqliteStore(tmp_path / "entresol.db", Envelope({"other": b"o" * 32}, "other"), lambda: NOW)
    with pytest.raises(InternalError, match="needs data key 'test'"):
        await other.read(lambda records: records.need(Issuer, "i1"))
    await other.close()


async def test_nothing_is_looked_for_in_the_body(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        with pytest.raises(ValueError, match="teams cannot be looked for by source"):
            await store.read(lambda records: records.find(Team, source="local"))
        with pytest.raises(ValueError, match="at least one"):
            await store.write(lambda records: records.delete_where(Team))
