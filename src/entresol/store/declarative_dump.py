"""A `Configuration` back into a declarative file: flat, ids kept, so that loading it gives the same configuration."""

import json
from typing import Any

import msgspec
from msgspec import NODEFAULT

from entresol.api_floor.configuration import Configuration
from entresol.api_floor.entities import Certificate, Entity, KeyAuthCredential
from entresol.core.secret import Secret
from entresol.store.declarative_drafts import KINDS


def dump(configuration: Configuration) -> str:
    """The file, as JSON (which is YAML). References are written as such; confidential texts that the configuration
    was given in clear are written in clear: treat the result as a secret then.

    An API key whose reference had no value is left out: nothing is known of it.
    """
    content: dict[str, Any] = {"_format_version": "3.0"}
    for kind in KINDS:
        entities = [_raw(entity) for entity in configuration.of(kind) if not _is_void(entity)]
        if entities:
            content[kind] = entities
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _is_void(entity: Entity) -> bool:
    return isinstance(entity, KeyAuthCredential) and entity.key_sha256 is None


def _raw(entity: Entity) -> dict[str, Any]:
    fields = {}
    for field in msgspec.structs.fields(entity):
        value = getattr(entity, field.name)
        if value != field.default and not (isinstance(entity, Certificate) and field.name == "snis"):
            fields[field.encode_name] = _plain(value)
    return fields


def _plain(value: Any) -> Any:
    """Builtins of a value; what has its default is left out, as references there would be literal."""
    if isinstance(value, Secret):
        return value.reveal() if value.reference is None else value.reference
    if isinstance(value, msgspec.Struct):
        present = ((field.encode_name, field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return {name: _plain(item) for name, field, item in present if item is not None and item != _default_of(field)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return msgspec.to_builtins(value)


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()
