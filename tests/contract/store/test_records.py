"""What every store answers: memory, which tests of rings use, SQLite and PostgreSQL."""

import asyncio
from functools import partial

import msgspec
import pytest
from msgspec.structs import replace

from entresol.core.record import Record
from entresol.core.storage import AlreadyExists, NotFound, Records, RevisionConflict, Store
from entresol.identity.records.accounts import Membership, Team, User
from entresol.identity.records.all import IDENTITY_RECORDS
from entresol.identity.records.issuers import ClaimMapping, Issuer
from entresol.identity.records.sessions import UsedOnce
from entresol.identity.records.virtual_keys import VirtualKey

pytestmark = pytest.mark.anyio


def team(number: int | str, **fields: object) -> Team:
    return msgspec.convert({"id": f"t{number}", "organisation": "o", "name": f"team {number}"} | fields, Team)


async def put(store: Store, *records: Record) -> None:
    await store.write(lambda each: [each.insert(record) for record in records])


async def test_a_new_record_gets_revision_one_and_its_times(store: Store) -> None:
    made = await store.write(lambda records: records.insert(team(1, revision=9, created_at=5, updated_at=5)))
    assert made.revision == 1
    assert made.created_at == made.updated_at > 5
    assert await store.read(lambda records: records.get(Team, "t1")) == made


async def test_what_is_not_there_is_none_or_not_found(store: Store) -> None:
    assert await store.read(lambda records: records.get(Team, "t1")) is None
    assert await store.read(lambda records: records.one(Team, organisation="o", name="x")) is None
    with pytest.raises(NotFound, match="'t1' in teams"):
        await store.read(lambda records: records.need(Team, "t1"))
    with pytest.raises(NotFound):
        await store.write(lambda records: records.replace(team(1)))


async def test_a_change_counts_the_revision_up_and_keeps_the_birthday(store: Store) -> None:
    made = await store.write(lambda records: records.insert(team(1)))
    changed = await store.write(lambda records: records.replace(replace(made, name="new", created_at=1)))
    assert (changed.revision, changed.name) == (2, "new")
    assert changed.updated_at > made.updated_at
    found = await store.read(lambda records: records.need(Team, "t1"))
    assert found == replace(changed, created_at=made.created_at)


async def test_an_older_revision_is_refused(store: Store) -> None:
    made = await store.write(lambda records: records.insert(team(1)))
    await store.write(lambda records: records.replace(made))
    with pytest.raises(RevisionConflict, match="changed meanwhile"):
        await store.write(lambda records: records.replace(made))


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        (team(1, name="else"), ("id",)),
        (team(2, name="team 1"), ("organisation", "name")),
        (team(2, external_id="x1"), ("organisation", "external_id")),
    ],
)
async def test_what_must_be_unique_is(store: Store, other: Team, fields: tuple[str, ...]) -> None:
    await put(store, team(1, external_id="x1"))
    with pytest.raises(AlreadyExists) as failed:
        await put(store, other)
    assert failed.value.fields == fields


async def test_what_is_empty_binds_nobody(store: Store) -> None:
    await put(store, team(1), team(2), team(3, organisation="p", name="team 1"))
    await put(store, *(User(id=f"u{n}", organisation="o", username=f"n{n}", external_id=None) for n in range(3)))
    await put(store, *(VirtualKey(id=f"k{n}", name="", owner="", digest=f"d{n}", hint="") for n in range(3)))
    assert await store.read(lambda records: records.count(Team)) == 3


async def test_a_change_must_not_make_two_alike_either(store: Store) -> None:
    await put(store, team(1))
    second = await store.write(lambda records: records.insert(team(2)))
    with pytest.raises(AlreadyExists):
        await store.write(lambda records: records.replace(replace(second, name="team 1")))


async def test_after_a_refusal_the_work_may_go_on_in_the_same_transaction(store: Store) -> None:
    await put(store, team(1))

    def work(records: Records) -> str:
        try:
            records.insert(team(1))
        except AlreadyExists:
            records.insert(team(2))
        return "done"

    assert await store.write(work) == "done"
    assert await store.read(lambda records: records.count(Team)) == 2


async def test_an_exception_undoes_all_of_the_work(store: Store) -> None:
    def work(records: Records) -> None:
        records.insert(team(1))
        records.insert(team(2))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await store.read(lambda records: records.count(Team)) == 0


async def test_records_are_found_by_what_their_class_says(store: Store) -> None:
    await put(store, team(2, parent="t1"), team(1), team(3, parent="t1"), team(4, organisation="p"))
    children = await store.read(lambda records: records.find(Team, parent="t1"))
    assert [each.id for each in children] == ["t2", "t3"]
    assert [each.id for each in await store.read(lambda r: r.find(Team, parent=None, organisation="o"))] == ["t1"]
    assert await store.read(lambda records: records.count(Team, organisation="o")) == 3
    with pytest.raises(LookupError):
        await store.read(lambda records: records.one(Team, parent="t1"))


async def test_pages_follow_the_id_in_the_order_of_its_characters(store: Store) -> None:
    await put(store, *(team(name) for name in ("a", "B", "é", "_", "0")))
    first = await store.read(lambda records: records.page(Team, "", 2, organisation="o"))
    second = await store.read(lambda records: records.page(Team, first[-1].id, 9, organisation="o"))
    assert [each.id for each in (*first, *second)] == sorted(["ta", "tB", "té", "t_", "t0"])


async def test_of_all_who_take_one_gets_it(store: Store) -> None:
    await put(store, UsedOnce(id="x", expires_at=1))
    taken = await asyncio.gather(*(store.write(lambda records: records.take(UsedOnce, "x")) for _ in range(20)))
    assert [each is not None for each in taken].count(True) == 1


async def test_of_all_who_change_at_once_one_wins(store: Store) -> None:
    made = await store.write(lambda records: records.insert(team(1)))

    async def change(number: int) -> bool:
        try:
            await store.write(lambda records: records.replace(replace(made, name=f"n{number}")))
        except RevisionConflict:
            return False
        return True

    assert (await asyncio.gather(*map(change, range(20)))).count(True) == 1


async def test_nothing_is_lost_of_what_many_add_up(store: Store) -> None:
    await put(store, UsedOnce(id="count", expires_at=0))

    def add(records: Records) -> None:
        known = records.need(UsedOnce, "count")
        records.replace(replace(known, expires_at=known.expires_at + 1))

    await asyncio.gather(*(store.write(add) for _ in range(15)))
    assert (await store.read(lambda records: records.need(UsedOnce, "count"))).expires_at == 15


async def test_records_go_one_by_one_or_together(store: Store) -> None:
    members = [Membership(id=f"m{n}", team=f"t{n % 2}", member="u") for n in range(6)]
    await put(store, *members)
    assert await store.write(lambda records: records.delete(Membership, "m0"))
    assert not await store.write(lambda records: records.delete(Membership, "m0"))
    assert await store.write(lambda records: records.delete_where(Membership, team="t1")) == 3
    assert [each.id for each in await store.read(lambda records: records.find(Membership))] == ["m2", "m4"]


@pytest.mark.parametrize("cls", IDENTITY_RECORDS, ids=lambda cls: cls.kind)
async def test_every_kind_of_record_comes_back_as_it_went(store: Store, cls: type[Record]) -> None:
    record = msgspec.convert(_filled(cls), cls)
    made = await store.write(lambda records: records.insert(record))
    assert await store.read(lambda records: records.get(cls, record.id)) == made
    assert replace(made, revision=record.revision, created_at=0, updated_at=0) == record


async def test_what_is_nested_comes_back_too(store: Store) -> None:
    mapping = ClaimMapping(groups="claims.g", roles=(("true", "admin"),), attributes=(("a", "'ü\u2028'"),))
    record = Issuer(id="i", organisation="o", name="n", issuer="https://i", client_secret="s\0ecret", mapping=mapping)
    await put(store, record)
    found = await store.read(partial(_only_issuer))
    assert (found.mapping, found.client_secret) == (mapping, "s\0ecret")


def _only_issuer(records: Records) -> Issuer:
    return records.find(Issuer)[0]


def _filled(cls: type[Record]) -> dict[str, object]:
    filled: dict[str, object] = {"id": "id 1", "organisation": "org"}
    for field in msgspec.structs.fields(cls):
        if field.required and field.name != "id":
            choices = getattr(field.type, "__args__", ())
            literal = choices[0] if choices and isinstance(choices[0], str) else ["x", "ü"]
            filled[field.name] = {str: "tëxt", int: 7, bool: True}.get(field.type, literal)
    return filled
