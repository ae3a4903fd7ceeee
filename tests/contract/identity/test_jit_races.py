"""Two first sign-ins of one person at the same moment make one user, in real stores."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from contract.store.databases import new_database, running_postgres
from entresol.core.record import Record
from entresol.core.storage import AlreadyExists, RevisionConflict
from entresol.identity.jit import SignedIn, sign_in
from entresol.identity.jwt_results import Mapped
from entresol.identity.records.access import RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, Team, User
from entresol.identity.records.issuers import Issuer
from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.opening import SqlStore, open_store

NOW = 1_800_000_000
AT_ONCE = 8
ISSUER = Issuer(id="i", organisation="org", name="idp", issuer="https://idp.example", default_roles=("member",))
ADA = Mapped(subject="1", username="ada", roles=frozenset(("member",)), teams=frozenset(("Engineering",)))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'entresol.db'}"
    if request.param == "postgresql":
        url = await new_database(request.getfixturevalue("postgres").get_uri())
    opened = open_store(url, Envelope({"test": b"t" * 32}, "test"), lambda: NOW)
    await opened.on_tables(migrate)
    yield opened
    await opened.close()


async def signs_in(store: SqlStore, numbers: Iterator[int], mapped: Mapped = ADA) -> SignedIn:
    """As a door does it: again, if another sign-in was first."""
    for _ in range(AT_ONCE):
        try:
            found = await store.write(
                lambda records: sign_in(records, ISSUER, mapped, NOW, lambda: f"id-{next(numbers)}")
            )
        except (AlreadyExists, RevisionConflict):
            continue
        assert isinstance(found, SignedIn)
        return found
    raise AssertionError("it never gets through")


@pytest.mark.anyio
async def test_first_sign_ins_at_the_same_moment_make_one_user(store: SqlStore) -> None:
    numbers = count()
    found = await asyncio.gather(*(signs_in(store, numbers) for _ in range(AT_ONCE)))
    assert len({signed.user.id for signed in found}) == 1
    assert sum(signed.is_new for signed in found) == 1
    made: tuple[type[Record], ...] = (User, ExternalIdentity, Team, Membership, RoleAssignment)
    assert await store.read(lambda records: [records.count(cls) for cls in made]) == [1] * len(made)


@pytest.mark.anyio
async def test_people_with_the_same_name_at_the_same_moment_are_two(store: SqlStore) -> None:
    numbers = count()
    people = [Mapped(subject=str(number), username="ada", email="ada@example.org") for number in range(AT_ONCE)]
    found = await asyncio.gather(*(signs_in(store, numbers, person) for person in people))
    assert len({signed.user.id for signed in found}) == AT_ONCE
    assert len({signed.user.username for signed in found}) == AT_ONCE


@pytest.mark.anyio
async def test_an_issuers_record_is_kept_whole(store: SqlStore) -> None:
    record = Issuer(
        id="whole",
        organisation="org",
        name="e",
        issuer="https://e.example",
        graph_uri="https://g",
        links_directory=True,
    )
    await store.write(lambda records: records.insert(record))
    kept = await store.read(lambda records: records.need(Issuer, "whole"))
    assert (kept.graph_uri, kept.links_directory, kept.mapping) == ("https://g", True, record.mapping)
