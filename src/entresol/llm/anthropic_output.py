"""Structured output: the JSON Schemas that Anthropic takes.

Source: Anthropic docs, "Structured outputs": every object must say `additionalProperties: false`.
"""

from typing import Final

from entresol.llm.types import JsonObject

_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "$defs", "definitions")
_MAX_DEPTH: Final = 64


def closed_schema(schema: JsonObject, depth: int = 0) -> JsonObject:
    """`schema` with every object closed that says nothing about further properties."""
    if depth > _MAX_DEPTH:
        return schema
    closed: JsonObject = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, dict):
            closed[name] = {key: _closed(inner, depth) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            closed[name] = [_closed(inner, depth) for inner in value]
        else:
            closed[name] = _closed(value, depth) if name == "items" else value
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _closed(schema: object, depth: int) -> object:
    return closed_schema(schema, depth + 1) if isinstance(schema, dict) else schema
