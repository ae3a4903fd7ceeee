"""Gemini's `Schema` objects (a dialect of OpenAPI 3.0) as JSON Schema.

The other way is not needed: Gemini takes JSON Schema in `parametersJsonSchema` and `responseJsonSchema`.
"""

from typing import Final

from entresol.llm.types import JsonObject

_RENAMED: Final = {"defs": "$defs", "ref": "$ref", "example": "examples"}
_SCHEMA_LISTS: Final = ("anyOf", "any_of")
_COUNTS: Final = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_MAX_DEPTH: Final = 64


def json_schema(schema: object, depth: int = 0) -> JsonObject:
    """The JSON Schema that accepts what `schema` accepts."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return {}
    result: JsonObject = {}
    for key, value in schema.items():
        name = _camel(key)
        if name == "type" and isinstance(value, str):
            result["type"] = value.lower()
        elif name in ("properties", "defs") and isinstance(value, dict):
            result[_RENAMED.get(name, name)] = {key: json_schema(inner, depth + 1) for key, inner in value.items()}
        elif name in ("items", "additionalProperties") and isinstance(value, dict):
            result[name] = json_schema(value, depth + 1)
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            result[name] = [json_schema(inner, depth + 1) for inner in value]
        elif name in _COUNTS and isinstance(value, str) and value.isdigit():
            result[name] = int(value)  # int64 in JSON may be a string
        elif name == "example":
            result["examples"] = [value]
        elif name not in ("nullable", "propertyOrdering"):
            result[_RENAMED.get(name, name)] = value
    return _with_null(result) if schema.get("nullable") is True else result


def _with_null(schema: JsonObject) -> JsonObject:
    kind = schema.get("type")
    if isinstance(kind, str):
        widened = {**schema, "type": [kind, "null"]}
        choices = schema.get("enum")
        if isinstance(choices, list):
            widened["enum"] = [*choices, None]
        return widened
    return {"anyOf": [schema, {"type": "null"}]}


def _camel(name: str) -> str:
    if "_" not in name:
        return name
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
