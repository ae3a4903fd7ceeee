"""Brings a database's tables to what this version of the program needs.

All steps are one transaction, which both databases can undo: an interrupted migration leaves nothing. Of two nodes that
begin together one waits for the other: SQLite by its write lock, PostgreSQL by an advisory lock.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from entresol.core.errors import ConfigError

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x656E7472  # any number that nobody else takes


class Step(msgspec.Struct, frozen=True):
    """One migration."""

    revision: str
    title: str
    phase: Literal["expand", "contract"]


class Standing(msgspec.Struct, frozen=True):
    """Where a database stands."""

    current: str | None
    """None: it is empty."""
    pending: tuple[Step, ...]

    @property
    def is_current(self) -> bool:
        """True when there is nothing to do."""
        return not self.pending

    @property
    def stops_older_nodes(self) -> bool:
        """True when nodes of the version before cannot go on after it: stop them first."""
        return any(step.phase == "contract" for step in self.pending)


def standing(connection: Connection) -> Standing:
    """What is done and what is pending. Raises ConfigError `store_too_new`."""
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config(connection))
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise ConfigError(
            "store_too_new",
            f"the database stands at migration {current}, which this version does not know: run a newer entresol",
        )
    steps = [_step(script) for script in scripts.iterate_revisions("heads", current or "base")]
    return Standing(current, tuple(reversed(steps)))


def migrate(connection: Connection) -> Sequence[Step]:
    """Do what is pending, and say what that was. Raises ConfigError `store_too_new`."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    pending = standing(connection).pending
    if pending:
        command.upgrade(_config(connection), "head")
    return pending


def check_current(connection: Connection) -> None:
    """Raises ConfigError `store_not_migrated` when something is pending, `store_too_new`."""
    found = standing(connection)
    if any(step.phase == "expand" for step in found.pending):
        raise ConfigError(
            "store_not_migrated", f"{len(found.pending)} migrations are pending: run `entresol migrate` first"
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _step(script: Any) -> Step:
    return Step(script.revision, (script.doc or "").rstrip("."), script.module.phase)
