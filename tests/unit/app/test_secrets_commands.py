"""Rotation of the keys of secrets, over a real database."""

import sqlite3
from pathlib import Path

import pytest

from entresol.app.secrets_commands import secrets_change_master_key, secrets_rotate
from entresol.app.store_commands import in_store
from entresol.config import Settings, StoreSettings
from entresol.core.errors import ConfigError
from entresol.identity.records.factors import Totp
from entresol.identity.records.signing_keys import DataKey


def settings(folder: Path, master_key: str | None = None) -> Settings:
    return Settings(store=StoreSettings(url=f"sqlite:///{folder / 'store.db'}", master_key=master_key))


def kept(folder: Path) -> str:
    with sqlite3.connect(folder / "store.db") as connection:
        return str(connection.execute("SELECT body FROM totps").fetchone()[0])


def keys(folder: Path) -> list[tuple[str, bool]]:
    found = in_store(settings(folder), lambda records: records.find(DataKey))
    return [(each.id, each.is_current) for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    in_store(settings(tmp_path), lambda records: records.insert(Totp(id="ada", secret="JBSWY3DP")))
    return tmp_path


def test_after_a_rotation_every_secret_is_sealed_with_the_new_key(folder: Path) -> None:
    before = kept(folder)
    [(old, _)] = keys(folder)
    [said] = secrets_rotate(settings(folder))
    assert "1 records were sealed anew, 0 older keys removed" in said
    assert kept(folder) != before
    assert f"v1.{old}." not in kept(folder)
    assert (old, False) in keys(folder)  # a node may be sealing with it this second
    assert in_store(settings(folder), lambda records: records.need(Totp, "ada")).secret == "JBSWY3DP"
    assert "1 older keys removed" in next(secrets_rotate(settings(folder)))
    assert old not in dict(keys(folder))
    assert in_store(settings(folder), lambda records: records.need(Totp, "ada")).secret == "JBSWY3DP"


def test_another_master_key_opens_the_store_and_the_one_before_no_more(folder: Path) -> None:
    new = f"file:{folder / 'new.key'}"
    assert "set store.master_key to it" in next(secrets_change_master_key(settings(folder), new))
    opened = in_store(settings(folder, new), lambda records: records.need(Totp, "ada"))
    assert opened.secret == "JBSWY3DP"
    with pytest.raises(ConfigError, match="belongs to master key"):
        in_store(settings(folder), lambda records: records.need(Totp, "ada"))


def test_a_master_key_that_is_none_changes_nothing(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no such variable"):
        list(secrets_change_master_key(settings(folder), "env:ENTRESOL_NO_SUCH_KEY"))
    assert in_store(settings(folder), lambda records: records.need(Totp, "ada")).secret == "JBSWY3DP"
