"""Typed per-request context: one owner writes a slot, anyone may read it.

A slot is a module-level constant, `USAGE: Slot[Usage] = Slot("llm.usage")`; an exchange maps slots to values. Kong
calls the idea namespaced context; here the type checker knows what a slot holds.
"""

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """A key that knows the type of its value. Identity, not the name, makes two slots equal."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Slot({self.name!r})"


class Slots:
    """The slots of one request."""

    def __init__(self) -> None:
        self._values: dict[Slot[Any], Any] = {}

    def __setitem__(self, slot: Slot[T], value: T) -> None:
        self._values[slot] = value

    def __getitem__(self, slot: Slot[T]) -> T:
        value: T = self._values[slot]
        return value

    def get(self, slot: Slot[T]) -> T | None:
        """The value, or None while nobody has written it."""
        value: T | None = self._values.get(slot)
        return value

    def __contains__(self, slot: Slot[T]) -> bool:
        return slot in self._values
