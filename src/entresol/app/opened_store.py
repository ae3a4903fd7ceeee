"""Opens the store of a node: its tables are what this version needs, its secrets can be read.

An embedded database is migrated here. One that several nodes use is migrated by `entresol migrate`, once, when its
operator says so.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from entresol.config import StoreSettings
from entresol.core.errors import ConfigError, InternalError
from entresol.core.ports import Clock
from entresol.core.storage import StoreDown
from entresol.net.fetcher import Fetcher
from entresol.store.data_keys import Runner, open_envelope
from entresol.store.envelope import Envelope
from entresol.store.master_key import MasterKey, key_from_environment, key_from_file
from entresol.store.sql.migrate import check_current, migrate
from entresol.store.sql.opening import SqlStore, open_store
from entresol.store.sql.sqlite import SqliteStore

_SQLITE: Final = "sqlite:///"


class LateSealer:
    """Seals and opens with an envelope that is put in later: its keys are in the store that it seals for."""

    def __init__(self) -> None:
        self.envelope: Envelope | None = None

    def seal(self, table: str, record_id: str, field: str, text: str) -> str:
        """See store.sql.sealing.Sealer."""
        return self._there().seal(table, record_id, field, text)

    def open(self, table: str, record_id: str, field: str, sealed: str) -> str:
        """See store.sql.sealing.Sealer."""
        return self._there().open(table, record_id, field, sealed)

    def is_current(self, sealed: str) -> bool:
        """See store.sql.sealing.Sealer."""
        return self._there().is_current(sealed)

    def _there(self) -> Envelope:
        if self.envelope is None:
            raise InternalError("secret_unreadable", "the store's data keys have not been opened yet")
        return self.envelope


class OpenedStore:
    """A store whose secrets can be read. `close` when done."""

    def __init__(self, store: SqlStore, sealer: LateSealer, master: MasterKey, runner: Runner) -> None:
        self.store = store
        self.master = master
        self._sealer = sealer
        self._runner = runner

    async def take_data_keys(self) -> None:
        """Read the data keys again: there is a new one. Raises StoreDown, ConfigError `master_key_unusable`."""
        self._sealer.envelope = await open_envelope(self.store, self.master, self._runner)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.store.close()


async def open_store_of(
    settings: StoreSettings, environment: Mapping[str, str], now: Callable[[], int], runner: Runner
) -> OpenedStore:
    """Raises StoreDown, and ConfigError: `store_missing`, `store_url_invalid`, `store_not_migrated`, `store_too_new`,
    `master_key_unusable`."""
    if settings.url is None:
        raise ConfigError("store_missing", "there is no store: set store.url")
    master = master_key_of(settings, environment)
    sealer = LateSealer()
    store = open_store(settings.url, sealer, now)
    opened = OpenedStore(store, sealer, master, runner)
    try:
        await store.on_tables(migrate if isinstance(store, SqliteStore) else check_current)
        await opened.take_data_keys()
    except BaseException:
        await store.close()
        raise
    return opened


async def try_to_open(settings: StoreSettings, environment: Mapping[str, str], clock: Clock) -> None:
    """Whether it can be opened, now or when it is there again. Raises ConfigError."""
    fetcher = Fetcher(clock)
    try:
        opened = await open_store_of(settings, environment, lambda: int(clock.now()), fetcher)
        await opened.close()
    except StoreDown:
        return  # workers wait for it
    finally:
        fetcher.close()


def master_key_of(settings: StoreSettings, environment: Mapping[str, str]) -> MasterKey:
    """The master key that the settings name. Raises ConfigError `master_key_unusable`."""
    named = settings.master_key
    if named is None:
        return key_from_file(_beside(settings.url or ""))
    kind, _, rest = named.partition(":")
    if kind == "file" and rest:
        return key_from_file(Path(rest))
    if kind == "env" and rest:
        return key_from_environment(rest, environment)
    raise ConfigError("master_key_unusable", "store.master_key: expected file:PATH or env:NAME")


def _beside(url: str) -> Path:
    if not url.startswith(_SQLITE):
        raise ConfigError("master_key_unusable", "store.master_key must be said: a database that nodes share has none")
    path = Path(url.removeprefix(_SQLITE))
    return path.with_name(f"{path.name}.key")
