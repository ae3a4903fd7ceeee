"""What structs declare, for others to read: JSON Schema and tables for the documentation."""

from typing import Any

import msgspec
from msgspec import inspect

from entresol.core.secret import Secret


def schema_of(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a struct. Unknown fields are refused, as the loader does."""
    (reference,), components = msgspec.json.schema_components([cls], schema_hook=_schema_hook)
    for component in components.values():
        if component.get("type") == "object" and "properties" in component:
            component["additionalProperties"] = False
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **reference}
    schema["$defs"] = components
    return schema


def _schema_hook(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "format": "password", "description": "Confidential; may hold {vault://env/NAME}."}
    raise NotImplementedError(f"{kind.__name__} has no schema")


def field_table(cls: type[msgspec.Struct]) -> str:
    """The fields of a struct as a Markdown table: name, type, default, description."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    rows = ["| Field | Type | Default | Description |", "|---|---|---|---|"]
    for field in info.fields:
        description = _description(field.type)
        rows.append(f"| `{field.encode_name}` | {_type_name(field.type)} | {_default(field)} | {description} |")
    return "\n".join(rows) + "\n"


def _description(info: inspect.Type) -> str:
    if isinstance(info, inspect.Metadata):
        own: str = (info.extra_json_schema or {}).get("description", "")
        return own or _description(info.type)
    if isinstance(info, inspect.UnionType):
        return next((text for text in map(_description, info.types) if text), "")
    return ""


def _default(field: inspect.Field) -> str:
    if field.required:
        return "*required*"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    if field.default is None or field.default == ():
        return ""
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _type_name(info: inspect.Type) -> str:
    """A type in Kong's words."""
    if isinstance(info, inspect.Metadata):
        return _type_name(info.type)
    if isinstance(info, inspect.UnionType):
        return " or ".join(_type_name(option) for option in info.types if not isinstance(option, inspect.NoneType))
    if isinstance(info, inspect.LiteralType):
        return "one of " + ", ".join(f"`{value}`" for value in info.values)
    if isinstance(info, inspect.IntType | inspect.FloatType):
        return _number_name(info)
    if isinstance(info, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        return f"array of {_type_name(info.item_type)}"
    if isinstance(info, inspect.DictType):
        return f"map of {_type_name(info.value_type)}"
    if isinstance(info, inspect.StructType):
        return f"record `{info.cls.__name__}`"
    if isinstance(info, inspect.CustomType):
        return "secret string"
    return {inspect.StrType: "string", inspect.BoolType: "boolean"}.get(type(info), "any")


def _number_name(info: inspect.IntType | inspect.FloatType) -> str:
    name = "integer" if isinstance(info, inspect.IntType) else "number"
    return name if info.ge is None or info.le is None else f"{name}, {info.ge} to {info.le}"
