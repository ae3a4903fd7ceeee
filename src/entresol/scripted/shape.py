"""Checks decoded JSON against a declared shape and names the first thing that is wrong, as providers do."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

Path = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """The first fault of a body; each wire words it in its own way."""

    kind: Literal["missing", "unknown", "type", "value", "low", "high", "short", "long"]
    path: Path
    expected: str = ""
    got: str = ""


class Shape(Protocol):
    """Something a JSON value can be checked against."""

    def check(self, value: object, path: Path) -> Problem | None:
        """The first problem, or None."""


def json_type(value: object) -> str:
    """The JSON name of a value's type, with its article left out."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


class Text(msgspec.Struct, frozen=True):
    """A string, of a set of values when there are any."""

    values: tuple[str, ...] = ()
    shortest: int = 0
    longest: int | None = None

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, str):
            return Problem("type", path, "string", json_type(value))
        if self.values and value not in self.values:
            return Problem("value", path, ", ".join(f"'{known}'" for known in self.values), value)
        if len(value) < self.shortest:
            return Problem("short", path, str(self.shortest), str(len(value)))
        if self.longest is not None and len(value) > self.longest:
            return Problem("long", path, str(self.longest), str(len(value)))
        return None


class Number(msgspec.Struct, frozen=True):
    """A number within bounds, both included."""

    low: float | None = None
    high: float | None = None
    whole: bool = False

    def check(self, value: object, path: Path) -> Problem | None:
        kind = "integer" if self.whole else "number"
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return Problem("type", path, kind, json_type(value))
        if self.low is not None and value < self.low:
            return Problem("low", path, f"{self.low:g}", f"{value:g}")
        if self.high is not None and value > self.high:
            return Problem("high", path, f"{self.high:g}", f"{value:g}")
        return None


class Flag(msgspec.Struct, frozen=True):
    """A boolean."""

    def check(self, value: object, path: Path) -> Problem | None:
        return None if isinstance(value, bool) else Problem("type", path, "boolean", json_type(value))


class Anything(msgspec.Struct, frozen=True):
    """Any JSON value."""

    def check(self, value: object, path: Path) -> Problem | None:
        return None


class ListOf(msgspec.Struct, frozen=True):
    """An array of one shape."""

    item: Shape
    shortest: int = 0
    longest: int | None = None

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, list):
            return Problem("type", path, "array", json_type(value))
        if len(value) < self.shortest:
            return Problem("short", path, str(self.shortest), str(len(value)))
        if self.longest is not None and len(value) > self.longest:
            return Problem("long", path, str(self.longest), str(len(value)))
        for index, item in enumerate(value):
            problem = self.item.check(item, (*path, index))
            if problem is not None:
                return problem
        return None


class MapOf(msgspec.Struct, frozen=True):
    """An object whose keys are the caller's."""

    value: Shape = Anything()

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", path, "object", json_type(value))
        for key, item in value.items():
            problem = self.value.check(item, (*path, key))
            if problem is not None:
                return problem
        return None


class Object(msgspec.Struct, frozen=True):
    """An object of known fields. Unknown ones are refused; null counts as absent where the field is optional."""

    required: Mapping[str, Shape] = {}
    optional: Mapping[str, Shape] = {}
    nulls: bool = True

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", path, "object", json_type(value))
        for name in self.required:
            if name not in value:
                return Problem("missing", (*path, name))
        for name, item in value.items():
            shape = self.required.get(name)
            if shape is None:
                shape = self.optional.get(name)
                if shape is None:
                    return Problem("unknown", (*path, name))
                if item is None and self.nulls:
                    continue
            problem = shape.check(item, (*path, name))
            if problem is not None:
                return problem
        return None


class Tagged(msgspec.Struct, frozen=True):
    """One of several objects, told apart by the value of `tag`."""

    variants: Mapping[str, Shape]
    tag: str = "type"

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", path, "object", json_type(value))
        name = value.get(self.tag)
        if name is None:
            return Problem("missing", (*path, self.tag))
        variant = self.variants.get(name) if isinstance(name, str) else None
        if variant is None:
            return Problem("value", (*path, self.tag), ", ".join(f"'{known}'" for known in self.variants), str(name))
        return variant.check(value, path)


class Either(msgspec.Struct, frozen=True):
    """One of several shapes that differ in their JSON type."""

    by_type: Mapping[str, Shape]

    def check(self, value: object, path: Path) -> Problem | None:
        kind = json_type(value)
        shape = self.by_type.get(kind)
        if shape is None:
            return Problem("type", path, " or ".join(self.by_type), kind)
        return shape.check(value, path)


def null_or(shape: Shape, kind: str) -> Either:
    """`shape`, whose JSON type is `kind`, or null."""
    return Either({"null": Anything(), kind: shape})
