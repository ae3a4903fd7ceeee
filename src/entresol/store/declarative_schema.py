"""JSON Schema of declarative files, made from the entities, for editors and other tools."""

from typing import Any

from msgspec import structs

from entresol.api_floor.entities import Entity, KeyAuthCredential, Service
from entresol.core.json_schema import schema_of
from entresol.store.declarative import Header
from entresol.store.declarative_drafts import KINDS, NESTED, foreign_keys
from entresol.store.group_members import PAIRS

_REFERENCE: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "object"}]}
_REMARKS: dict[str, Any] = {
    "_comment": {"type": "string", "description": "For whoever reads the file."},
    "_ignore": {"type": "array", "description": "Ignored."},
}
_SHORTHANDS: dict[type[Entity], dict[str, Any]] = {
    Service: {"url": {"type": "string", "description": "Shorthand for protocol, host, port and path."}},
    KeyAuthCredential: {
        "key": {"type": "string", "description": "The API key; only its SHA-256 is kept."},
        "ttl": {"type": "integer", "description": "Seconds from `created_at` until it expires."},
    },
}


def file_schema() -> dict[str, Any]:
    """What a file may look like: nested or flat. Plugin configurations are open; each plugin has its own schema."""
    schema = schema_of(Header)
    definitions: dict[str, Any] = schema["$defs"]
    top: dict[str, Any] = definitions["Header"]
    for kind, cls in KINDS.items():
        definitions |= _definitions(cls)
        top["properties"][kind] = {"type": "array", "items": {"$ref": f"#/$defs/{cls.__name__}"}}
    pair = {"type": "object", "properties": {"consumer": _REFERENCE, "consumer_group": _REFERENCE}}
    top["properties"][PAIRS] = {"type": "array", "items": pair}
    return schema


def _definitions(cls: type[Entity]) -> dict[str, Any]:
    """An entity as files have it: ids may be missing, references are names, children nest."""
    definitions: dict[str, Any] = schema_of(cls)["$defs"]
    own = definitions[cls.__name__]
    own["properties"] |= _REMARKS | _SHORTHANDS.get(cls, {})
    optional = {"id"} | {key.field for key in foreign_keys(cls)}
    if cls in _SHORTHANDS:
        optional |= {field.encode_name for field in structs.fields(cls)}
    own["required"] = [name for name in own["required"] if name not in optional]
    for key in foreign_keys(cls):
        own["properties"][key.field] = {"type": "array", "items": _REFERENCE} if key.is_many else _REFERENCE
    for kind in NESTED[cls.kind]:
        own["properties"][kind] = {"type": "array", "items": {"$ref": f"#/$defs/{KINDS[kind].__name__}"}}
    if cls.kind == "consumer_groups":
        own["properties"]["consumers"] = {"type": "array", "items": _REFERENCE}
    if cls.kind == "certificates":
        items = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Sni"}]}
        own["properties"]["snis"] = {"type": "array", "items": items}
    if cls.kind == "plugins":
        own["properties"]["_config"] = {"type": "string", "description": "Name of one of `_plugin_configs`."}
    return definitions
