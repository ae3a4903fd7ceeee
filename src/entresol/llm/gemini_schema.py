"""Gemini's `Schema` objects (a dialect of OpenAPI 3.0) as JSON Schema.

The other way is not needed: Gemini takes JSON Schema in `parametersJsonSchema` and `responseJsonSchema`.
"""

from typing import Final

from entresol.llm.json_fields import bad_request
from entresol.llm.types import JsonObject

_RENAMED: Final = {"defs": "$defs", "ref": "$ref", "example": "examples"}
_COUNTS: Final = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_MAX_DEPTH: Final = 64


def json_schema(schema: JsonObject, depth: int = 0) -> JsonObject:
    """The JSON Schema that accepts what `schema` accepts; in one, `propertyOrdering` is the order of `properties`.

    Raises ClientError `bad_request` for a schema too deep to be read.
    """
    if depth > _MAX_DEPTH:
        raise bad_request("schema", f"is nested more than {_MAX_DEPTH} deep")
    result: JsonObject = {}
    for key, value in schema.items():
        name = _camel(key)
        if name in ("properties", "defs") and isinstance(value, dict):
            result[_RENAMED.get(name, name)] = {key: _inner(inner, depth) for key, inner in value.items()}
        elif name in ("items", "additionalProperties"):
            result[name] = _inner(value, depth)
        elif name == "anyOf" and isinstance(value, list):
            result[name] = [_inner(inner, depth) for inner in value]
        elif (name, value) != ("type", "TYPE_UNSPECIFIED") and (name != "nullable" or not isinstance(value, bool)):
            result[_RENAMED.get(name, name)] = _plain(name, value)
    _order(result)
    return _with_null(result) if schema.get("nullable") is True else result


def _inner(value: object, depth: int) -> object:
    return json_schema(value, depth + 1) if isinstance(value, dict) else value


def _plain(name: str, value: object) -> object:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _COUNTS and isinstance(value, str) and value.isdigit():
        return int(value)  # int64 in JSON may be a string
    return [value] if name == "example" else value


def _order(schema: JsonObject) -> None:
    properties, ordering = schema.get("properties"), schema.get("propertyOrdering")
    if isinstance(ordering, list) and isinstance(properties, dict):
        first = [name for name in ordering if isinstance(name, str) and name in properties]
        schema["properties"] = {name: properties[name] for name in dict.fromkeys([*first, *properties])}
        del schema["propertyOrdering"]


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
