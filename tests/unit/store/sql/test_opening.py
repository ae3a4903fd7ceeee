"""Which store a URL names."""

from pathlib import Path

import pytest

from entresol.core.errors import ConfigError
from entresol.store.sql.opening import open_store
from entresol.store.sql.postgres import PostgresStore
from entresol.store.sql.sqlite import SqliteStore
from unit.store.sql.stores import ENVELOPE, NOW


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "entresol.db"
    store = open_store(f"sqlite:///{path}", ENVELOPE, lambda: NOW)
    assert isinstance(store, SqliteStore)
    assert store.path == path
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///entresol.db", ENVELOPE, lambda: NOW)
    assert isinstance(store, SqliteStore)
    assert store.path == Path("entresol.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_server_is_named_as_libpq_does(scheme: str) -> None:
    assert isinstance(open_store(f"{scheme}://u@h:5432/d", ENVELOPE, lambda: NOW), PostgresStore)


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite://", "sqlite:///", "sqlite://x", "postgresql://", "mysql://u:hunter2@h/d", "file.db"]
)
def test_other_urls_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as failed:
        open_store(url, ENVELOPE, lambda: NOW)
    assert failed.value.code == "store_url_invalid"
    assert "hunter2" not in failed.value.message
