"""Collections of records: list, make, read, change, remove, each the same way for every kind.

    GET    /users?limit=100&after=…    a page, in the order of ids (keyset paging)
    POST   /users                      201 with Location
    GET    /users/{id}                 with ETag
    PATCH  /users/{id}                 a merge patch (RFC 7396) over the writable fields; If-Match is obeyed
    DELETE /users/{id}                 204; If-Match is obeyed

What belongs to another organisation is not there.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from entresol.admin.operation import Answer, Call, Operation, etag_of
from entresol.core.errors import ClientError
from entresol.core.record import Record
from entresol.core.storage import NotFound, Records
from entresol.identity.principal import Principal
from entresol.identity.rights import Rights

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_SHOWN_OF_ALL: Final = ("id", "created_at", "updated_at")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A record that is about to be kept, or removed."""

    records: Records
    principal: Principal
    rights: Rights
    now: int
    before: Any = None
    """None: it is new."""
    after: Any = None
    """None: it goes."""


def _nothing(_: Change) -> None:
    """No rules beyond the types."""


def _same(change: Change) -> Any:
    return change.after


def _nobody(_: Record, __: Principal) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One kind of record and its rules."""

    name: str
    """In paths and permissions: `service-accounts`."""
    resource: str = ""
    """In permissions, where it is not the name."""
    one: str
    """What one of them is called: `service account`."""
    record: type[Record]
    prefix: str
    """Of new ids."""
    writable: tuple[str, ...]
    """Fields that callers may set; those without a default must be given."""
    fixed: tuple[str, ...] = ()
    """Those of them that are set once."""
    hidden: tuple[str, ...] = ()
    """Fields that are never shown."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """Types of writable fields, where they are stricter than the record's."""
    filters: tuple[str, ...] = ()
    """Fields that a list can be narrowed by: `unique` or `indexed` ones."""
    make_id: Callable[[Any], str] | None = None
    """The id of a record that is made of its fields."""
    admit: Callable[[Change], Any] = _same
    """The record as it is to be kept. Raises ClientError for what must not be."""
    created: Callable[[Change], None] = _nothing
    """Run after `after` was stored, in the same transaction."""
    remove: Callable[[Change], None] = _nothing
    """Run before `before` is deleted: what hangs on it goes, too."""
    is_own: Callable[[Any, Principal], bool] = _nobody
    """Whether a record is the caller's own, and theirs to keep without a permission."""

    @property
    def permission(self) -> str:
        """The resource in permissions."""
        return self.resource or self.name

    def new_id(self) -> str:
        """A fresh id."""
        return f"{self.prefix}_{secrets.token_hex(8)}"

    # Types of bodies.

    @cached_property
    def view_type(self) -> Any:
        """What one is shown as."""
        hidden = {"organisation", "revision", *self.hidden, *self.record.sealed, *_SHOWN_OF_ALL}
        shown = [(each.name, each.type) for each in _fields(self.record) if each.name not in hidden]
        return msgspec.defstruct(
            _type_name(self.one), [("id", str), *shown, ("created_at", int), ("updated_at", int)], kw_only=True
        )

    def new_type(self) -> Any:
        """The body that makes one."""
        fields = [
            _declared(each, self.types.get(each.name, each.type))
            for each in _fields(self.record)
            if each.name in self.writable
        ]
        return msgspec.defstruct(f"New{_type_name(self.one)}", fields, kw_only=True, forbid_unknown_fields=True)

    def change_type(self) -> Any:
        """The merge patch that changes one."""
        fields = [
            (each.name, self.types.get(each.name, each.type) | UnsetType, UNSET)
            for each in _fields(self.record)
            if each.name in self.writable and each.name not in self.fixed
        ]
        return msgspec.defstruct(f"{_type_name(self.one)}Change", fields, kw_only=True, forbid_unknown_fields=True)

    def shown(self, record: Record) -> dict[str, Any]:
        """One, as it is shown."""
        hidden = {"organisation", "revision", *self.hidden, *self.record.sealed}
        found = {name: getattr(record, name) for name in record.__struct_fields__ if name not in hidden}
        return found


def operations(collection: Collection, *, but: Sequence[str] = ()) -> list[Operation]:
    """What can be done with a collection, except for `but` of list, create, read, update, delete."""
    view = collection.view_type
    fields: list[Any] = [("items", list.__class_getitem__(view)), ("next", str | None, None)]
    page = msgspec.defstruct(f"{_type_name(collection.one)}Page", fields)
    path, tag, one = f"/{collection.name}", collection.name, collection.one
    name = _type_name(one)
    article = "an" if one[0] in "aeiou" else "a"

    def made(action: str, method: Any, below: str, summary: str, work: Any, **more: Any) -> Operation:
        return Operation(
            id=f"{action}{name}",
            method=method,
            path=path + below,
            summary=summary,
            tag=tag,
            work=lambda call: work(collection, call),
            permission=f"{collection.permission}:{'read' if action == 'list' else action}",
            **more,
        )

    every = {
        "list": made(
            "list", "GET", "", f"List {collection.name.replace('-', ' ')}", list_page,
            answer=page, query=("limit", "after", *collection.filters),
        ),
        "create": made(
            "create", "POST", "", f"Make {article} {one}", create,
            body=collection.new_type(), answer=view, status=201,
        ),
        "read": made("read", "GET", "/{id}", f"Read {article} {one}", read, answer=view),
        "update": made(
            "update", "PATCH", "/{id}", f"Change {article} {one}", update,
            body=collection.change_type(), answer=view,
        ),
        "delete": made("delete", "DELETE", "/{id}", f"Remove {article} {one}", delete, status=204),
    }  # fmt: skip
    return [operation for action, operation in every.items() if action not in but]


def list_page(collection: Collection, call: Call) -> Answer:
    """A page of those that the caller may see."""
    limit, after = _limit(call.query), call.query.get("after", "")
    equal = {name: call.query[name] for name in collection.filters if name in call.query}
    if call.rights.may(collection.permission, "read"):
        found = list(call.records.page(collection.record, after, limit + 1, organisation=call.tenant, **equal))
    else:
        found = _visible(collection, call, equal, after)[: limit + 1]
    rest = len(found) > limit
    items = [collection.shown(each) for each in found[:limit]]
    following = found[limit - 1].id if rest else None
    return Answer(body={"items": items, "next": following})


def create(collection: Collection, call: Call) -> Answer:
    """Make one."""
    given = {name: getattr(call.body, name) for name in call.body.__struct_fields__}
    draft = collection.record(id="", organisation=call.tenant, **given)
    made_id = collection.make_id(draft) if collection.make_id is not None else collection.new_id()
    draft = msgspec.structs.replace(draft, id=made_id)
    if not collection.is_own(draft, call.principal):
        call.rights.need(collection.permission, "create")
    change = _change(call, None, draft)
    record = call.records.insert(collection.admit(change))
    collection.created(_change(call, None, record))
    return answer_of(collection, record, 201)


def read(collection: Collection, call: Call) -> Answer:
    """Read one."""
    return answer_of(collection, found_for(collection, call, "read"))


def update(collection: Collection, call: Call) -> Answer:
    """Change one."""
    before = found_for(collection, call, "update")
    call.check_match(before)
    given = {name: value for name in call.body.__struct_fields__ if (value := getattr(call.body, name)) is not UNSET}
    after = collection.admit(_change(call, before, msgspec.structs.replace(before, **given)))
    return answer_of(collection, before if after == before else call.records.replace(after))


def delete(collection: Collection, call: Call) -> Answer:
    """Remove one."""
    before = found_for(collection, call, "delete")
    call.check_match(before)
    collection.remove(_change(call, before, None))
    call.records.delete(collection.record, before.id)
    return Answer(status=204)


def found_for(collection: Collection, call: Call, action: str) -> Any:
    """The record that the path names, for something that the caller may do with it. What they may not even see is not
    there for them. Raises NotFound, ClientError 403 `forbidden`."""
    record_id = call.path["id"]
    record = call.records.get(collection.record, record_id)
    if record is None or record.organisation != call.tenant:
        raise NotFound(collection.name, record_id)
    if collection.is_own(record, call.principal):
        return record
    if not call.rights.may(collection.permission, "read", record_id):
        raise NotFound(collection.name, record_id)
    call.rights.need(collection.permission, action, record_id)
    return record


def answer_of(collection: Collection, record: Record, status: int = 200, **also: Any) -> Answer:
    """One record, with its tag, and where it is if it is new."""
    headers = {"etag": etag_of(record)}
    if status == 201:
        headers["location"] = f"/{collection.name}/{record.id}"
    return Answer(body=collection.shown(record) | also, status=status, headers=headers)


def in_organisation(records: Records, cls: type[Record], record_id: str, organisation: str, field_name: str) -> Any:
    """A record that a body refers to. Raises ClientError 422 `reference_unknown`."""
    found = records.get(cls, record_id)
    if found is None or found.organisation != organisation:
        raise ClientError("reference_unknown", f"{field_name}: there is no {record_id!r} in {cls.kind}", status=422)
    return found


def _visible(collection: Collection, call: Call, equal: Mapping[str, str], after: str) -> list[Any]:
    """Without the permission to read all: one's own, and those with a grant."""
    granted = set(call.rights.granted(collection.permission, "read"))
    everything = call.records.find(collection.record, organisation=call.tenant, **equal)
    return [
        each
        for each in everything
        if each.id > after and (each.id in granted or collection.is_own(each, call.principal))
    ]


def _change(call: Call, before: Any, after: Any) -> Change:
    return Change(
        records=call.records,
        principal=call.principal,
        rights=call.rights,
        now=call.now,
        before=before,
        after=after,
    )


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise ClientError("bad_request", f"limit: expected a number from 1 to {MAX_LIMIT}")
    return int(text)


def _fields(record: type[Record]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(record)


def _declared(info: msgspec.structs.FieldInfo, kind: Any) -> Any:
    if info.default is not msgspec.NODEFAULT:
        return (info.name, kind, info.default)
    if info.default_factory is not msgspec.NODEFAULT:
        return (info.name, kind, msgspec.field(default_factory=info.default_factory))
    return (info.name, kind)


def _type_name(one: str) -> str:
    return "".join(word.capitalize() for word in one.replace("-", " ").split())
