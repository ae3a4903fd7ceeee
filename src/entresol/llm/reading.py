"""Reading decoded JSON field by field, with errors that say where, and with nothing lost.

Every read takes the field out of the object; `rest()` is what nobody asked for. A decoder that keeps `rest()` as
`extra` therefore cannot overlook a field. What it keeps nowhere, in objects that have no `extra`, `unread()` tells.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from entresol.core.errors import GatewayError
from entresol.llm.json_fields import bad_request
from entresol.llm.types import JsonObject

T = TypeVar("T")
_INDEX: Final = re.compile(r"\[\d+\]")

Fault = Callable[[str, str], GatewayError]
"""Makes the error for a field: its path and what is wrong.

`format.bad_request` for requests, `format.bad_field` for answers.
"""


class ObjectReader:
    """Takes typed fields out of one JSON object. A field that is null counts as missing."""

    __slots__ = ("_family", "_fault", "_fields", "_is_kept", "path")

    def __init__(self, value: object, path: str, fault: Fault, family: "list[ObjectReader] | None" = None) -> None:
        if not isinstance(value, dict):
            raise fault(path, f"expected an object, got {json_type(value)}")
        self._fields: JsonObject = value.copy()
        self._fault = fault
        self._is_kept = False
        self._family: list[ObjectReader] = [] if family is None else family
        self._family.append(self)
        self.path = path
        """Where the object stands, such as `messages[2]`; empty for the top level."""

    def string(self, name: str) -> str | None:
        value = self._fields.pop(name, None)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(name, "a string", value)

    def need_string(self, name: str) -> str:
        return self.need(name, self.string(name))

    def need_id(self, name: str) -> str:
        """A string. In a request it must not be empty: other things in the request refer to it."""
        value = self.need_string(name)
        if not value and self._fault is bad_request:
            raise self.invalid(name, "must not be empty")
        return value

    def integer(self, name: str) -> int | None:
        value = self._fields.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise self.wrong(name, "an integer", value)

    def number(self, name: str) -> int | float | None:
        """As it was written: 1 stays 1."""
        value = self._fields.pop(name, None)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise self.wrong(name, "a number", value)

    def boolean(self, name: str) -> bool | None:
        value = self._fields.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        raise self.wrong(name, "true or false", value)

    def mapping(self, name: str) -> JsonObject | None:
        value = self._fields.pop(name, None)
        if value is None or isinstance(value, dict):
            return value
        raise self.wrong(name, "an object", value)

    def reader(self, name: str) -> "ObjectReader | None":
        """A nested object, to be read likewise."""
        value = self._fields.pop(name, None)
        return None if value is None else ObjectReader(value, self.at(name), self._fault, self._family)

    def readers(self, name: str) -> "list[ObjectReader] | None":
        """A list of objects."""
        value = self._list(name)
        if value is None:
            return None
        where = self.at(name)
        return [ObjectReader(item, f"{where}[{index}]", self._fault, self._family) for index, item in enumerate(value)]

    def reader_or_readers(self, name: str) -> "list[ObjectReader] | None":
        """A list of objects that may be one object instead, as Google's JSON lets every list be."""
        if isinstance(self._fields.get(name), dict):
            return [ObjectReader(self._fields.pop(name), self.at(name), self._fault, self._family)]
        return self.readers(name)

    def strings(self, name: str) -> list[str] | None:
        value = self._list(name)
        if value is None:
            return None
        strings = [item for item in value if isinstance(item, str)]
        if len(strings) != len(value):
            raise self.wrong(name, "a list of strings", value)
        return strings

    def string_or_strings(self, name: str) -> list[str] | None:
        """A field that may be one string instead of a list of them."""
        value = self._fields.get(name)
        if isinstance(value, str):
            del self._fields[name]
            return [value]
        return self.strings(name)

    def take(self, name: str) -> object:
        """The field as it is, None if it is missing."""
        return self._fields.pop(name, None)

    def peek(self, name: str) -> object:
        """The field, left where it is."""
        return self._fields.get(name)

    @property
    def has_more(self) -> bool:
        """Whether there are fields that were not taken."""
        return bool(self._fields)

    def need(self, name: str, value: T | None) -> T:
        """`value`, which must not be missing."""
        if value is None:
            raise self._fault(self.at(name), "is required")
        return value

    def rest(self) -> JsonObject:
        """What was not taken."""
        self._is_kept = True
        return self._fields

    def unread(self) -> list[str]:
        """Paths, such as `messages[].content[].source.x`, of what was neither taken nor kept, here and below."""
        paths = [
            _INDEX.sub("[]", reader.at(name))
            for reader in self._family
            if reader._fields and not reader._is_kept
            for name, value in reader._fields.items()
            if value is not None
        ]
        return list(dict.fromkeys(paths))

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, expected: str, value: object) -> GatewayError:
        """The error for a field of another kind than `expected`."""
        return self._fault(self.at(name), f"expected {expected}, got {json_type(value)}")

    def invalid(self, name: str, what: str) -> GatewayError:
        """The error for a field with a value that makes no sense."""
        return self._fault(self.at(name), what)

    def _list(self, name: str) -> list[object] | None:
        value = self._fields.pop(name, None)
        if value is None or isinstance(value, list):
            return value
        raise self.wrong(name, "a list", value)


def json_type(value: object) -> str:
    """A value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
