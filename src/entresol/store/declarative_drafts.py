"""From the shape of a file to entities-to-be: nested or flat, with ids made and references resolved.

What may nest in what follows from the foreign keys the entities declare: `routes` refer to `services`, so a service
may hold `routes`.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import inspect

from entresol.api_floor.entities import ENTITIES, Entity, PluginInstance, Sni
from entresol.core.schema import NOT_YET, Violation, Violations
from entresol.core.secret import Secret

KINDS: Final[dict[str, type[Entity]]] = {cls.kind: cls for cls in ENTITIES}
NOT_YET_KINDS: Final = frozenset(
    (
        "acls",
        "ai_models",
        "basicauth_credentials",
        "ca_certificates",
        "cloned_plugins",
        "consumer_group_plugins",
        "custom_entities",
        "custom_plugins",
        "degraphql_routes",
        "event_hooks",
        "filter_chains",
        "graphql_ratelimiting_cost_decorations",
        "hmacauth_credentials",
        "jwt_secrets",
        "jwt_signer_jwks",
        "key_sets",
        "keyauth_enc_credentials",
        "keys",
        "licenses",
        "mtls_auth_credentials",
        "oauth2_credentials",
        "partials",
        "plugins_partials",
        "rbac_roles",
        "service_packages",
        "targets",
        "upstreams",
        "vaults",
    )
)
"""What Kong's files may also hold, at the top or nested in other entities."""

REMARKS: Final = ("_comment", "_ignore")
"""What every entity may say to whoever reads the file."""

NAMESPACE: Final = uuid.UUID("0f6c7a0e-3b52-5d0e-9a43-6d6b2a5c8e11")
_DIGEST: Final = "key_sha256"
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class ForeignKey:
    """A field that refers to an entity of another kind, or to several."""

    __slots__ = ("field", "is_many", "kind")

    def __init__(self, field: str, kind: str, is_many: bool) -> None:
        self.field = field
        self.kind = kind
        self.is_many = is_many


def foreign_keys(cls: type[Entity]) -> tuple[ForeignKey, ...]:
    """The foreign keys a class declares."""
    return _FOREIGN_KEYS[cls.kind]


def _declared_foreign_keys(cls: type[Entity]) -> Iterator[ForeignKey]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        for kind, is_many in _foreign_kind(field.type):
            yield ForeignKey(field.encode_name, kind, is_many)


def _foreign_kind(info: inspect.Type) -> Iterator[tuple[str, bool]]:
    if isinstance(info, inspect.Metadata):
        if info.extra and "foreign" in info.extra:
            yield info.extra["foreign"], isinstance(info.type, inspect.VarTupleType)
        else:
            yield from _foreign_kind(info.type)
    elif isinstance(info, inspect.UnionType):
        for option in info.types:
            yield from _foreign_kind(option)


_FOREIGN_KEYS: Final = {cls.kind: tuple(_declared_foreign_keys(cls)) for cls in ENTITIES}
NESTED: Final[dict[str, dict[str, str]]] = {
    parent: {
        kind: key.field
        for kind, keys in _FOREIGN_KEYS.items()
        for key in keys
        if key.kind == parent and not key.is_many
    }
    for parent in KINDS
}
"""Parent kind to the kinds it may hold, with the field that points back."""


class Draft:
    """An entity as the file has it. `raw` ends up as what `schema.parse` takes."""

    __slots__ = ("cls", "id", "parent", "path", "raw", "violations")

    def __init__(self, cls: type[Entity], raw: dict[str, Any], path: str, parent: "tuple[str, Draft] | None") -> None:
        self.cls = cls
        self.raw = raw
        self.path = path
        self.parent = parent
        """The field that refers to the entity this one is nested in, and that entity."""
        self.id = ""
        self.violations: Violations = []

    def refuse(self, field: str, message: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(f"{self.path}.{field}" if field else self.path, message))

    def text(self, field: str) -> str | None:
        """A text field, a reference's value included."""
        return text_of(self.raw.get(field))


def text_of(value: Any) -> str | None:
    """The text of a raw value, if it has one."""
    if isinstance(value, Secret):
        return value.reveal() if value.is_resolved else None
    return value if isinstance(value, str) else None


def flatten(data: Mapping[str, Any], violations: Violations) -> list[Draft]:
    """Every entity of a file in document order; what is not an entity is a violation."""
    drafts: list[Draft] = []
    for kind, cls in KINDS.items():
        _collect(cls, data.get(kind), kind, None, drafts, violations)
    return drafts


def _without_remarks(draft: Draft) -> None:
    """Take out what configures nothing, and refuse by name what an entity may hold in Kong but not here."""
    for name in REMARKS:
        draft.raw.pop(name, None)
    for name in NOT_YET_KINDS.intersection(draft.raw):
        if draft.raw.pop(name):
            draft.refuse(name, NOT_YET)


def _collect(
    cls: type[Entity],
    items: Any,
    path: str,
    parent: tuple[str, Draft] | None,
    drafts: list[Draft],
    violations: Violations,
) -> None:
    if items is None:
        return
    if not isinstance(items, list):
        violations.append(Violation(path, "expected an array"))
        return
    for index, item in enumerate(items):
        where = f"{path}[{index}]"
        if cls is Sni and parent is not None and text_of(item) is not None:
            item = {"name": item}
        if not isinstance(item, dict):
            violations.append(Violation(where, "expected a record"))
            continue
        draft = Draft(cls, dict(item), where, parent)
        drafts.append(draft)
        _without_remarks(draft)
        for kind, field in NESTED[cls.kind].items():
            _collect(KINDS[kind], draft.raw.pop(kind, None), f"{where}.{kind}", (field, draft), drafts, violations)


class Linker:
    """Gives every draft its id and turns foreign keys into ids."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, Draft]] = {kind: {} for kind in KINDS}
        self._names: dict[str, dict[str, Draft]] = {kind: {} for kind in KINDS}
        self._claims: dict[tuple[str, str, str], Draft] = {}
        self._scopes: dict[tuple[object, ...], Draft] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def link(self, drafts: list[Draft]) -> None:
        """Link all drafts; kinds come in an order in which references point backwards."""
        for cls in ENTITIES:
            for draft in drafts:
                if draft.cls is cls:
                    self._link_one(draft)

    def _link_one(self, draft: Draft) -> None:
        for key in foreign_keys(draft.cls):
            self._resolve(draft, key)
        given = (draft.text("id") or "").lower()  # a UUID is the same in any case (RFC 9562 §4)
        shown = f'"{given}"' if isinstance(draft.raw.get("id"), str) else "***"
        draft.id = given or self._made_id(draft)
        if given or not draft.raw.get("id"):
            draft.raw["id"] = draft.id
        first = self._ids[draft.cls.kind].setdefault(draft.id, draft)
        if first is not draft and given:
            draft.refuse("id", f"primary key violation on key '{{id={shown}}}'; first at {first.path}")
        for field in draft.cls.unique:
            self._claim(draft, field)
        if draft.cls is PluginInstance:
            self._claim_scope(draft)

    def _claim(self, draft: Draft, field: str) -> None:
        """Note that the entity has this name; no other of its kind may."""
        name = draft.text(field)
        if not name:
            return
        if field != _DIGEST:
            self._names[draft.cls.kind].setdefault(name, draft)
        first = self._claims.setdefault((draft.cls.kind, field, name), draft)
        if first is not draft:
            field, shown = ("key", "***") if field == _DIGEST else (field, _shown(draft.raw[field]))
            draft.refuse(field, f"UNIQUE violation detected on '{{{field}={shown}}}'; first at {first.path}")

    def _claim_scope(self, draft: Draft) -> None:
        """Note that the plugin has an instance in this scope; a scope has no second one."""
        name = draft.text("name")
        scope = (name, *(draft.raw.get(key.field) for key in foreign_keys(PluginInstance)))
        if name and _NOBODY not in scope:
            first = self._scopes.setdefault(scope, draft)
            if first is not draft:
                shown = f"{{name={_shown(draft.raw['name'])}}} in the same scope"
                draft.refuse("", f"UNIQUE violation detected on '{shown}'; first at {first.path}")

    def _resolve(self, draft: Draft, key: ForeignKey) -> None:
        value = draft.raw.get(key.field)
        if draft.parent is not None and draft.parent[0] == key.field:
            if value is not None and self._find(key.kind, value) is not draft.parent[1]:
                draft.refuse(key.field, f"is given by nesting in {draft.parent[1].path}")
            draft.raw[key.field] = draft.parent[1].id
        elif value is not None and key.is_many:
            if isinstance(value, list):
                where = enumerate(value)
                ids = [self._id_of(draft, f"{key.field}[{at}]", key.kind, item) for at, item in where]
                draft.raw[key.field] = list(dict.fromkeys(ids))
        elif value is not None:
            draft.raw[key.field] = self._id_of(draft, key.field, key.kind, value)

    def _id_of(self, draft: Draft, field: str, kind: str, value: Any) -> str:
        target = self._find(kind, value)
        if target is not None:
            return target.id
        name = _name_of(value)
        if name is None:
            draft.refuse(field, "missing primary key")
        else:
            draft.refuse(field, f"the foreign key '{{{name}}}' does not reference an existing '{kind}' entity.")
        return _NOBODY

    def _find(self, kind: str, value: Any) -> Draft | None:
        """By id or name; a mapping says which."""
        if not isinstance(value, dict):
            text = text_of(value)
            return None if text is None else self._ids[kind].get(text.lower()) or self._names[kind].get(text)
        by_id = text_of(value.get("id"))
        if by_id is not None:
            return self._ids[kind].get(by_id.lower())
        names = (text_of(value.get(field)) for field in _name_fields(KINDS[kind]))
        return next((self._names[kind][name] for name in names if name is not None and name in self._names[kind]), None)

    def _made_id(self, draft: Draft) -> str:
        """The same for the same file, whatever the order of its named entities."""
        kind = draft.cls.kind
        name = next((text for text in map(draft.text, _name_fields(draft.cls)) if text is not None), None)
        if name is None:
            name = self._nameless(draft)
        return str(uuid.uuid5(NAMESPACE, f"{kind}:{name}".encode("utf-8", "replace").decode()))

    def _nameless(self, draft: Draft) -> str:
        """What takes the place of a name: where an entity belongs, and the how manyth it is there."""
        owner = ",".join(
            f"{key.field}={draft.raw.get(key.field)}" for key in foreign_keys(draft.cls) if not key.is_many
        )
        if draft.cls is PluginInstance:
            owner += f",name={draft.text('name')}"
        place = (draft.cls.kind, owner)
        count = self._counts[place] = self._counts.get(place, -1) + 1
        return f"{owner}#{count}"


def _name_fields(cls: type[Entity]) -> tuple[str, ...]:
    """What an entity may be referred to by; never a digest of a key."""
    return tuple(field for field in cls.unique if field != _DIGEST)


def _name_of(value: Any) -> str | None:
    """What a reference says, for a message; None when it is no reference."""
    if not isinstance(value, dict):
        return f"name={_shown(value)}" if isinstance(value, str | Secret) else None
    fields = ("id", "name", "username", "custom_id", "instance_name")
    return next((f"{field}={_shown(value[field])}" for field in fields if value.get(field) is not None), None)


def _shown(value: Any) -> str:
    """A name for a message, unless it came from the environment."""
    return f'"{value}"' if isinstance(value, str) else "***"
