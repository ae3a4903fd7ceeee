"""Typed per-request context: one owner writes a slot, anyone may read it.

A slot is a module-level constant, `USAGE: Slot[Usage] = Slot("llm.usage")`; an exchange maps slots to values. Kong
calls the idea namespaced context; here the type checker knows what a slot holds.
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """A key that knows the type of its value. Identity, not the name, makes two slots equal."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Slot({self.name!r})"


if TYPE_CHECKING:

    class Slots:
        """The slots of one request."""

        def __setitem__(self, slot: Slot[T], value: T) -> None: ...

        def __getitem__(self, slot: Slot[T]) -> T: ...

        def get(self, slot: Slot[T]) -> T | None:
            """The value, or None while nobody has written it."""

        def __contains__(self, slot: Slot[T]) -> bool: ...

else:

    class Slots(dict[Any, Any]):
        """The slots of one request."""

        # A dict itself, because a request writes and reads some twenty slots: a method in Python that hands on to a
        # dict takes ten times as long. In all else it is an object like any other.
        __slots__ = ()
        __eq__ = object.__eq__
        __ne__ = object.__ne__
        __hash__ = object.__hash__
        __repr__ = object.__repr__  # values may hold credentials

        def __bool__(self) -> bool:
            return True
