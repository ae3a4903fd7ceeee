"""A value that a JSON Schema accepts, filled with what a sentence is about. For tool arguments and structured output.

It reads type, properties, required, items, enum, const, anyOf/oneOf/allOf, $ref into $defs, minimum and minItems,
with types in either case (Gemini writes `OBJECT`).
"""

import re
from collections.abc import Mapping

_MAX_DEPTH = 12
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def instance_of(schema: object, subject: str, text: str) -> object:
    """An instance of `schema`: strings become `subject`, numbers the first number in `text`."""
    return _Filler(schema, subject, text).fill(schema, 0)


class _Filler:
    def __init__(self, root: object, subject: str, text: str) -> None:
        self.root = root
        self.subject = subject
        self.text = text

    def fill(self, schema: object, depth: int) -> object:
        """The instance of one (sub)schema."""
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            return self.subject
        if "$ref" in schema:
            return self.fill(self._resolve(str(schema["$ref"])), depth + 1)
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            return next((choice for choice in choices if str(choice).lower() in self.text.lower()), choices[0])
        for word in ("anyOf", "oneOf", "allOf"):
            options = schema.get(word)
            if isinstance(options, list) and options:
                return self.fill(options[0], depth + 1)
        return self._fill_type(schema, depth)

    def _fill_type(self, schema: Mapping[str, object], depth: int) -> object:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        kind = str(kind).lower() if kind is not None else ("object" if "properties" in schema else "string")
        if kind == "object":
            return self._fill_object(schema, depth)
        if kind == "array":
            count = schema.get("minItems", 1)
            item = self.fill(schema.get("items", {"type": "string"}), depth + 1)
            return [item] * max(1, int(count) if isinstance(count, int | str) else 1)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        if kind == "boolean":
            return True
        return None if kind == "null" else self.subject

    def _fill_object(self, schema: Mapping[str, object], depth: int) -> dict[str, object]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        required = schema.get("required")
        wanted = required if isinstance(required, list) and required else list(properties)
        said = self.text.lower()
        return {
            name: self.fill(inner, depth + 1)
            for name, inner in properties.items()
            if name in wanted or str(name).lower() in said
        }

    def _number(self, schema: Mapping[str, object], kind: str) -> int | float:
        found = _NUMBER.search(self.text)
        low = schema.get("minimum")
        number = float(found.group()) if found is not None else float(low) if isinstance(low, int | float) else 1.0
        return int(number) if kind == "integer" else number

    def _resolve(self, reference: str) -> object:
        target: object = self.root
        for step in reference.lstrip("#/").split("/"):
            target = target.get(step) if isinstance(target, Mapping) else None
        return target
