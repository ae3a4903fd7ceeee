"""Opening the store of a node."""

import asyncio
import base64
import os
import stat
from pathlib import Path

import pytest

from entresol.app.opened_store import LateSealer, OpenedStore, master_key_of, open_store_of, try_to_open
from entresol.config import StoreSettings
from entresol.core.errors import ConfigError, InternalError
from entresol.core.storage import StoreDown
from entresol.identity.records.signing_keys import DataKey
from entresol.identity.virtual_keys import pepper_of
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher
from entresol.store.data_keys import add_data_key

KEY = base64.b64encode(bytes(32)).decode()


def sqlite(folder: Path, master_key: str | None = None) -> StoreSettings:
    return StoreSettings(url=f"sqlite:///{folder / 'store.db'}", master_key=master_key)


async def opened(settings: StoreSettings, environment: dict[str, str] | None = None) -> OpenedStore:
    clock = SystemClock()
    fetcher = Fetcher(clock)
    try:
        return await open_store_of(settings, environment or {}, lambda: int(clock.now()), fetcher)
    finally:
        fetcher.close()


def test_an_embedded_database_is_made_with_its_key_beside_it(tmp_path: Path) -> None:
    async def scene() -> None:
        first = await opened(sqlite(tmp_path))
        pepper = await first.store.write(pepper_of)
        await first.close()
        again = await opened(sqlite(tmp_path))
        assert await again.store.write(pepper_of) == pepper
        await again.close()

    asyncio.run(scene())
    key = tmp_path / "store.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        first = await opened(sqlite(tmp_path))
        await first.close()
        with pytest.raises(ConfigError) as refused:
            await opened(sqlite(tmp_path, "env:KEY"), {"KEY": KEY})
        assert refused.value.code == "master_key_unusable"
        assert KEY not in refused.value.message

    asyncio.run(scene())


def test_a_new_data_key_is_taken_over_and_the_old_ones_still_open(tmp_path: Path) -> None:
    async def scene() -> None:
        one = await opened(sqlite(tmp_path))
        two = await opened(sqlite(tmp_path))
        fetcher = Fetcher(SystemClock())
        await two.store.write(pepper_of)
        new = await add_data_key(two.store, two.master, fetcher)
        fetcher.close()
        await two.take_data_keys()
        assert len(await two.store.read(lambda records: records.find(DataKey))) == 2
        await one.take_data_keys()
        assert await one.store.write(pepper_of) == await two.store.write(pepper_of)
        assert new in repr(one._sealer.envelope)
        await one.close()
        await two.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (StoreSettings(), "store_missing"),
        (StoreSettings(url="mysql://secret@x/y"), "master_key_unusable"),
        (StoreSettings(url="mysql://secret@x/y", master_key="env:KEY"), "store_url_invalid"),
        (StoreSettings(url="postgresql://u:secret@h/d"), "master_key_unusable"),
        (StoreSettings(url="sqlite:///x", master_key="vault"), "master_key_unusable"),
        (StoreSettings(url="sqlite:///x", master_key="env:"), "master_key_unusable"),
        (StoreSettings(url="sqlite:///x", master_key="env:NOTHERE"), "master_key_unusable"),
    ],
)
def test_what_cannot_be_opened_is_said_without_its_secrets(settings: StoreSettings, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        asyncio.run(opened(settings, {"KEY": KEY}))
    assert refused.value.code == code
    assert "secret" not in refused.value.message


def test_the_master_key_comes_from_where_the_settings_say(tmp_path: Path) -> None:
    by_name = master_key_of(StoreSettings(url="postgresql://h/d", master_key="env:KEY"), {"KEY": KEY})
    (tmp_path / "k").write_text(KEY)
    os.chmod(tmp_path / "k", 0o600)
    by_file = master_key_of(StoreSettings(url="postgresql://h/d", master_key=f"file:{tmp_path / 'k'}"), {})
    assert by_name.id == by_file.id


def test_a_store_that_is_down_is_no_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = StoreSettings(url="postgresql://u@127.0.0.1:1/d", master_key="env:KEY")
    with pytest.raises(StoreDown):
        asyncio.run(opened(settings, {"KEY": KEY}))
    asyncio.run(try_to_open(settings, {"KEY": KEY}, SystemClock()))
    with pytest.raises(ConfigError):
        asyncio.run(try_to_open(settings, {}, SystemClock()))


def test_nothing_is_sealed_before_the_keys_are_there() -> None:
    for work in (
        lambda: LateSealer().seal("t", "i", "f", "x"),
        lambda: LateSealer().open("t", "i", "f", "x"),
        lambda: LateSealer().is_current("x"),
    ):
        with pytest.raises(InternalError):
            work()
