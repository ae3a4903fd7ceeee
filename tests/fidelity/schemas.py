"""The types of official clients as one small tree, so that every field they can send is known.

`Object` fields, `Several` of a kind, `Choice` among variants, `Value` for all the rest.
"""

import enum
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType, get_type_hints, is_typeddict

MAX_DEPTH = 9


@dataclass
class Value:
    """Something without fields, and an example of it."""

    example: Any


@dataclass
class Several:
    """A list."""

    item: "Node"


@dataclass
class Choice:
    """One of several."""

    variants: "list[Node]"


@dataclass
class Object:
    """An object. `required` names the fields that must be there, `kind` the variant where its fields do not say it."""

    fields: "dict[str, Node]" = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    kind: str = ""

    @property
    def tag(self) -> str:
        """What its `type` (or `role`) says, to tell variants apart."""
        if self.kind:
            return self.kind
        for name in ("type", "role"):
            node = self.fields.get(name)
            if isinstance(node, Value) and isinstance(node.example, str) and name in self.required:
                return node.example
        return next(iter(self.fields)) if len(self.fields) == 1 else ""


Node = Value | Several | Choice | Object


def of_type(tp: Any, seen: tuple[Any, ...] = ()) -> Node | None:
    """The tree of a type; None for what cannot be sent as JSON, or goes in circles."""
    if len(seen) > MAX_DEPTH or tp in seen:
        return None
    if isinstance(tp, TypeAliasType):
        return of_type(tp.__value__, seen)
    origin = get_origin(tp)
    if origin is not None:
        return _of_form(origin, get_args(tp), seen)
    if is_typeddict(tp):
        return _of_typed_dict(tp, (*seen, tp))
    if isinstance(tp, type) and issubclass(tp, BaseModel):
        return _of_model(tp, (*seen, tp))
    example = _example(tp)
    return None if example is None else Value(example)


def _of_form(origin: Any, inner: tuple[Any, ...], seen: tuple[Any, ...]) -> Node | None:
    """The tree of a type with others in brackets."""
    if origin in (Annotated, Required, NotRequired, typing.Required, typing.NotRequired):
        return of_type(inner[0], seen)
    if origin is Literal:
        return Value(inner[0])
    if origin in (Union, types.UnionType):
        return _choice([of_type(each, seen) for each in inner if each is not type(None)])
    if origin in (dict, Mapping):
        return Value({"k": _example(inner[1]) or "x"})
    if origin in (list, tuple, Sequence, Iterable):
        item = of_type(inner[0], seen)
        return None if item is None else Several(item)
    return None


def _example(tp: Any) -> Any:
    known = {str: "x", int: 3, float: 0.5, bool: True, object: {"k": "v"}, Any: {"k": "v"}, bytes: "AAAA"}
    if tp in known:
        return known[tp]
    if isinstance(tp, type) and issubclass(tp, enum.Enum):
        return next((each.value for each in tp if "UNSPECIFIED" not in str(each.value)), None)
    return None


def _choice(found: "list[Node | None]") -> Node | None:
    variants = [each for each in found if each is not None]
    flat: list[Node] = []
    for each in variants:
        flat += each.variants if isinstance(each, Choice) else [each]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else Choice(flat)


def one_of(node: Node | None, members: Sequence[str], beside: Set[str]) -> Node | None:
    """The tree with a choice wherever an object has these members, because it has exactly one of them.

    The fields that are named go with each of them, all others with the first alone, to keep the choice small.
    """
    if isinstance(node, Several):
        node.item = one_of(node.item, members, beside) or node.item
    elif isinstance(node, Object):
        for name, inner in node.fields.items():
            node.fields[name] = one_of(inner, members, beside) or inner
        if node.fields.keys() >= set(members):
            return Choice(
                [_member(node, name, beside if name != members[0] else node.fields.keys()) for name in members]
            )
    return node


def _member(node: Object, name: str, beside: Set[str]) -> Object:
    fields = {each: inner for each, inner in node.fields.items() if each == name or each in beside}
    return Object(fields, {name, *node.required}, name)


def _of_typed_dict(tp: Any, seen: tuple[Any, ...]) -> Object:
    made = Object()
    for name, hint in get_type_hints(tp, include_extras=True).items():
        node = of_type(hint, seen)
        if node is not None:
            made.fields[name] = node
            if _is_required(hint, tp):
                made.required.add(name)
    return made


def _is_required(hint: Any, tp: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Required, typing.Required):
        return True
    return bool(tp.__total__) and origin not in (NotRequired, typing.NotRequired)


def _of_model(model: type[BaseModel], seen: tuple[Any, ...]) -> Object:
    made = Object()
    for name, info in model.model_fields.items():
        node = of_type(info.annotation, seen)
        if node is not None:
            wire_name = info.serialization_alias or info.alias or name
            made.fields[wire_name] = node
            if info.is_required() or get_origin(info.annotation) is Literal:
                made.required.add(wire_name)
    return made


def of_shape(shape: Any, seen: tuple[str, ...] = ()) -> Node | None:
    """The tree of a shape of botocore's service models."""
    if shape.name in seen or len(seen) > MAX_DEPTH:
        return None
    kind = shape.type_name
    if kind == "structure":
        made = Object(required=set(shape.required_members))
        for name, member in shape.members.items():
            node = of_shape(member, (*seen, shape.name))
            if node is not None:
                made.fields[name] = node
        if getattr(shape, "is_tagged_union", False):  # exactly one of the members
            return _choice([Object({name: node}, {name}) for name, node in made.fields.items()])
        return made
    if kind == "list":
        item = of_shape(shape.member, (*seen, shape.name))
        return None if item is None else Several(item)
    if kind == "map":
        return Value({"k": "v"})
    if kind == "string":
        return Value(shape.enum[0] if shape.enum else "x")
    examples = {"integer": 3, "long": 3, "float": 0.5, "double": 0.5, "boolean": True, "blob": "AAAA"}
    return Value(examples.get(kind, {"k": "v"}))


Hints = Mapping[str, Any]
"""Examples that make sense, by the end of a path: `source.data`."""


def hinted(path: str, example: Any, hints: Hints) -> Any:
    """The example for a path: the longest hint that is its end, else the type's own."""
    best = max((end for end in hints if path == end or path.endswith(_ending(end))), key=len, default=None)
    return example if best is None else hints[best]


def _ending(end: str) -> str:
    return end if end.startswith("<") else f".{end}"


def least(node: Node, path: str, hints: Hints) -> Any:
    """The smallest instance."""
    hint = hinted(path, ..., hints) if path else ...
    if hint is not ... and _fits(hint, node):
        return hint
    if isinstance(node, Value):
        return node.example
    if isinstance(node, Several):
        return [least(node.item, f"{path}[]", hints)]
    if isinstance(node, Choice):
        return least(node.variants[0], path, hints)
    return {name: least(node.fields[name], _at(path, name), hints) for name in node.fields if name in node.required}


def _fits(hint: Any, node: Node) -> bool:
    if isinstance(node, Choice):
        return any(_fits(hint, variant) for variant in node.variants)
    kind = dict if isinstance(node, Object) else list if isinstance(node, Several) else type(node.example)
    return isinstance(hint, kind) or (kind is float and isinstance(hint, int))


ABSENT: Any = object()
"""Stands where there is nothing to compare with but the lack of it."""


@dataclass
class Specimen:
    """An instance that has one thing more than another."""

    path: str
    instance: Any
    without: Any


def specimens(node: Node, path: str, hints: Hints) -> Iterator[Specimen]:
    """Instances that each have one thing more than the least one."""
    if isinstance(node, Several):
        for each in specimens(node.item, f"{path}[]", hints):
            yield Specimen(each.path, [each.instance], ABSENT if each.without is ABSENT else [each.without])
    elif isinstance(node, Choice):
        for variant in node.variants:
            label = f"{path}<{variant.tag}>" if isinstance(variant, Object) and variant.tag else path
            if isinstance(variant, Object):
                yield Specimen(label, least(variant, label, hints), ABSENT)
            yield from specimens(variant, label, hints)
    elif isinstance(node, Object):
        yield from _of_object(node, path, hints)


def _of_object(node: Object, path: str, hints: Hints) -> Iterator[Specimen]:
    base = least(node, path, hints)
    for name, inner in node.fields.items():
        where = _at(path, name)
        rest = {key: value for key, value in base.items() if key != name}
        if name not in node.required:
            yield Specimen(where, base | {name: least(inner, where, hints)}, rest)
        for each in specimens(inner, where, hints):
            without = each.without
            if without is ABSENT:
                yield Specimen(each.path, base | {name: each.instance}, base if name in node.required else rest)
            else:
                yield Specimen(each.path, base | {name: each.instance}, base | {name: without})


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
