"""Commands on the store itself."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from entresol.app.store_commands import in_store, migrate, upgrade_check
from entresol.config import Settings, StoreSettings
from entresol.core.errors import ConfigError
from entresol.identity.records.accounts import Organisation


def settings(folder: Path) -> Settings:
    return Settings(store=StoreSettings(url=f"sqlite:///{folder / 'store.db'}"))


def test_an_empty_database_is_brought_to_where_it_must_be(tmp_path: Path) -> None:
    before = list(upgrade_check(settings(tmp_path)))
    assert before[0] == "the database stands at nothing: it is empty"
    assert before[1].startswith("pending  ")
    assert before[1].endswith("(expand)")
    assert "nodes of the version before may go on" in before[-1]
    assert list(migrate(settings(tmp_path)))[-1].endswith("migrations done")
    assert list(migrate(settings(tmp_path))) == ["nothing to do"]
    assert list(upgrade_check(settings(tmp_path)))[-1] == "nothing to do"


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    list(migrate(settings(tmp_path)))
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9999'"))
    engine.dispose()
    for command in (migrate, upgrade_check):
        with pytest.raises(ConfigError) as refused:
            list(command(settings(tmp_path)))
        assert refused.value.code == "store_too_new"


def test_work_is_kept_and_what_fails_is_undone(tmp_path: Path) -> None:
    def insert(records: object) -> None:
        records.insert(Organisation(id="o", name="o"))  # type: ignore[attr-defined]

    def fail(records: object) -> None:
        records.insert(Organisation(id="p", name="p"))  # type: ignore[attr-defined]
        raise ZeroDivisionError

    in_store(settings(tmp_path), insert)
    with pytest.raises(ZeroDivisionError):
        in_store(settings(tmp_path), fail)
    assert [each.id for each in in_store(settings(tmp_path), lambda records: records.find(Organisation))] == ["o"]


@pytest.mark.parametrize("command", [migrate, upgrade_check])
def test_without_a_store_there_is_nothing_to_do_it_to(command: object) -> None:
    with pytest.raises(ConfigError) as refused:
        list(command(Settings()))  # type: ignore[operator]
    assert refused.value.code == "store_missing"
