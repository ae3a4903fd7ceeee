"""Opens the store that a URL names."""

from collections.abc import Callable
from pathlib import Path

from entresol.core.errors import ConfigError
from entresol.store.sql.postgres import PostgresStore
from entresol.store.sql.sealing import Sealer
from entresol.store.sql.sqlite import SqliteStore

SqlStore = SqliteStore | PostgresStore


def open_store(url: str, sealer: Sealer, now: Callable[[], int]) -> SqlStore:
    """`sqlite:///PATH` (relative), `sqlite:////PATH` (absolute) or `postgresql://…`. Raises ConfigError
    `store_url_invalid`, which does not repeat the URL: it may hold a password."""
    scheme, found, rest = url.partition("://")
    if found and scheme == "sqlite" and rest.startswith("/") and rest != "/":
        path = Path(rest[1:])
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
        return SqliteStore(path, sealer, now)
    if found and scheme in ("postgresql", "postgres") and rest:
        return PostgresStore(f"postgresql://{rest}", sealer, now)
    raise ConfigError("store_url_invalid", "store.url: expected sqlite:///PATH or postgresql://USER@HOST/DATABASE")
