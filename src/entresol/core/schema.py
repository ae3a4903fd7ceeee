"""Raw data against typed structs: every violation at once, in Kong's wording, and only then the value.

msgspec would stop at the first fault. The walker here follows the same type information (`msgspec.inspect`), so a
struct is declared once. Beyond msgspec's own constraints, `Meta(extra={...})` may hold:

- `check`: a function from a valid value to the message of what is wrong with it, or None
- `message`: what to say instead of `invalid value: …` when a pattern does not match
- `not_yet`: values of a Literal that Kong knows and we do not support yet
- `is_set`: True for an array that is a set in Kong: what is repeated counts once

A struct may declare `not_yet: ClassVar[frozenset[str]]`, fields that Kong knows and we do not support yet;
`shorthands: ClassVar[dict[str, tuple[str, ...]]]`, older names of fields and where their values stand now; and a method
`violations()` with rules across fields: `(field path, message)` pairs, `@entity` for the whole. As in Kong, `null`
means unset.
"""

import functools
import math
import re
from collections.abc import Callable, Container
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from entresol.core.secret import Secret

ENTITY = "@entity"
NOT_YET = "not supported yet"
_HIDDEN: Final = "invalid value"
"""All that is said of a value that stands behind a reference: a rule's own message may repeat a part of it."""


class Violation(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where: `services[0].routes[1].paths[0]`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


Violations = list[Violation]
Check = Callable[[Any, str, Violations], Any]
"""Checks a value at a path, appends what is wrong, returns the converted value (of no use once something is)."""

T = TypeVar("T", bound=msgspec.Struct)


def parse(cls: type[T], raw: object, path: str = "") -> T | Violations:
    """Validate and convert. `raw` is what JSON or YAML decode to; strings may already be `Secret`s.

    Raises TypeError when the struct uses a type that has no schema: a fault of whoever declared it.
    """
    violations: Violations = []
    value = checker_of(cls)(raw, path, violations)
    if violations:
        return violations
    assert isinstance(value, cls)
    return value


@functools.cache
def checker_of(cls: type[msgspec.Struct]) -> Check:
    """The compiled check of a struct."""
    return _struct(inspect.type_info(cls))


def join(path: str, field: str) -> str:
    """The path of a field, or of the whole for `@entity`."""
    if field == ENTITY:
        return path
    return f"{path}.{field}" if path else field


# Structs


def _struct(info: inspect.Type) -> Check:
    assert isinstance(info, inspect.StructType)
    cls = info.cls
    checks: dict[str, Check] = {}
    required = {field.encode_name for field in info.fields if field.required}
    names = {field.encode_name: field.name for field in info.fields}
    for field in info.fields:
        checks[field.encode_name] = _checker(field.type)
    nullable = {field.encode_name for field in info.fields if _is_nullable(field.type)}
    not_yet: frozenset[str] = getattr(cls, "not_yet", frozenset())
    shorthands: dict[str, tuple[str, ...]] = getattr(cls, "shorthands", {})

    def check(value: Any, path: str, violations: Violations) -> Any:
        if not isinstance(value, dict):
            violations.append(Violation(path, "expected a record"))
            return None
        before = len(violations)
        if not shorthands.keys().isdisjoint(value):
            value = _written_out(value, shorthands, path, violations)
        _refuse_unknown(value, path, checks, not_yet, violations)
        fields: dict[str, Any] = {}
        for name, check_field in checks.items():
            item = value.get(name)
            if item is not None:
                fields[names[name]] = check_field(item, f"{path}.{name}" if path else name, violations)
            elif name in required:
                if name in nullable:
                    fields[names[name]] = None
                else:
                    violations.append(Violation(join(path, name), "required field missing"))
        if len(violations) > before:
            return None
        result = cls(**fields)
        _across_fields(result, value, path, violations)
        return result

    return check


def _refuse_unknown(
    value: dict[Any, Any], path: str, known: Container[str], not_yet: frozenset[str], violations: Violations
) -> None:
    for name in value:
        if name not in known:
            if name not in not_yet:
                violations.append(Violation(join(path, str(name)), "unknown field"))
            elif value[name] is not None:
                violations.append(Violation(join(path, str(name)), NOT_YET))


def _written_out(
    value: dict[Any, Any], shorthands: dict[str, tuple[str, ...]], path: str, violations: Violations
) -> dict[Any, Any]:
    """Put the values of older names where they stand now. Both may be given when they agree, as Kong writes them."""
    result = {name: item for name, item in value.items() if name not in shorthands}
    for name in shorthands.keys() & value.keys():
        item, (*steps, last) = value[name], shorthands[name]
        inner: Any = result
        for step in steps:
            deeper = inner.get(step)
            if deeper is not None and not isinstance(deeper, dict):
                break  # it is wrong already
            inner[step] = dict(deeper or {})
            inner = inner[step]
        else:
            if item is None:
                continue
            if inner.get(last) not in (None, item):
                new = ".".join(shorthands[name])
                message = f"both deprecated and new field are used but their values mismatch: {name} vs {new}"
                violations.append(Violation(join(path, name), message))
            inner[last] = item
    return result


def _across_fields(value: Any, raw: dict[Any, Any], path: str, violations: Violations) -> None:
    rules = getattr(value, "violations", None)
    if rules is not None:
        for field, message in rules():
            shown = _HIDDEN if _holds_reference(_value_at(raw, field)) else message
            violations.append(Violation(join(path, field), shown))


def _value_at(raw: Any, field: str) -> Any:
    """What the file says at a path within it; None for what is not in it as such."""
    for step in field.split("."):
        if not isinstance(raw, dict):
            return raw
        raw = raw.get(step.partition("[")[0])
    return raw


def _holds_reference(raw: Any) -> bool:
    return isinstance(raw, Secret) or (isinstance(raw, list) and any(isinstance(item, Secret) for item in raw))


# Types


def _checker(info: inspect.Type) -> Check:
    """The check of any type, with the rules of its `Meta(extra=...)`."""
    extra: dict[str, Any] = {}
    while isinstance(info, inspect.Metadata):
        extra |= info.extra or {}
        info = info.type
    check = _BUILDERS[_builder_key(info)](info, extra)
    rule: Callable[[Any], str | None] | None = extra.get("check")
    if rule is None:
        return check

    def check_with_rule(value: Any, path: str, violations: Violations) -> Any:
        before = len(violations)
        result = check(value, path, violations)
        if len(violations) == before:
            message = rule(result)
            if message is not None:
                violations.append(Violation(path, _HIDDEN if _holds_reference(value) else message))
        return result

    return check_with_rule


def _builder_key(info: inspect.Type) -> type[inspect.Type]:
    if type(info) not in _BUILDERS:
        raise TypeError(f"{type(info).__name__} has no schema: {info}")
    return type(info)


def _is_nullable(info: inspect.Type) -> bool:
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.UnionType):
        return any(isinstance(option, inspect.NoneType) for option in info.types)
    return isinstance(info, inspect.NoneType | inspect.AnyType)


def _plain(value: Any, path: str, violations: Violations) -> tuple[Any, bool]:
    """The value behind a reference, and whether it was one (then no message may repeat it)."""
    if not isinstance(value, Secret):
        return value, False
    if not value.is_resolved:
        violations.append(Violation(path, f"no value for {', '.join(value.missing)}"))
        return None, True
    return value.reveal(), True


def _scalar(value: Any, path: str, violations: Violations) -> Any:
    """Like `_plain`, for fields that are not text: what a reference stands for is text all the same."""
    plain, was_secret = _plain(value, path, violations)
    if was_secret and plain is not None:
        try:
            return msgspec.json.decode(plain)
        except msgspec.DecodeError:
            return plain
    return plain


def _any(info: inspect.Type, extra: dict[str, Any]) -> Check:
    return lambda value, path, violations: value


def _none(info: inspect.Type, extra: dict[str, Any]) -> Check:
    def check(value: Any, path: str, violations: Violations) -> Any:
        violations.append(Violation(path, "expected null"))

    return check


def _bool(info: inspect.Type, extra: dict[str, Any]) -> Check:
    def check(value: Any, path: str, violations: Violations) -> Any:
        if not isinstance(value, bool):
            before = len(violations)
            value = _scalar(value, path, violations)
            if not isinstance(value, bool) and len(violations) == before:
                violations.append(Violation(path, "expected a boolean"))
        return value

    return check


def _number(info: inspect.Type, extra: dict[str, Any]) -> Check:
    assert isinstance(info, inspect.IntType | inspect.FloatType)
    is_integer = isinstance(info, inspect.IntType)
    out_of_range = _range(info)

    def check(value: Any, path: str, violations: Violations) -> Any:
        before = len(violations)
        value = _scalar(value, path, violations)
        if len(violations) > before:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (isinstance(value, float) and not math.isfinite(value)):
            violations.append(Violation(path, "expected an integer" if is_integer else "expected a number"))
            return None
        if is_integer and value != int(value):
            violations.append(Violation(path, "expected an integer"))
            return None
        message = out_of_range(value)
        if message is not None:
            violations.append(Violation(path, message))
        return int(value) if is_integer else float(value)

    return check


def _range(info: inspect.IntType | inspect.FloatType) -> Callable[[float], str | None]:
    ge, le, gt, lt = info.ge, info.le, info.gt, info.lt

    def out_of_range(value: float) -> str | None:
        if ge is not None and le is not None:
            return None if ge <= value <= le else f"value should be between {ge} and {le}"
        if ge is not None and value < ge:
            return f"value must be at least {ge}"
        if gt is not None and value <= gt:
            return f"value must be greater than {gt}"
        if le is not None and value > le:
            return f"value must be at most {le}"
        if lt is not None and value >= lt:
            return f"value must be less than {lt}"
        return None

    return out_of_range


def _text(info: inspect.Type, extra: dict[str, Any]) -> Check:
    assert isinstance(info, inspect.StrType)
    wrong_length = _length(info.min_length, info.max_length)
    pattern = _pattern(info.pattern)
    expected = extra.get("message")

    def check(value: Any, path: str, violations: Violations) -> Any:
        value, was_secret = _plain(value, path, violations)
        if not isinstance(value, str):
            if value is not None or not was_secret:
                violations.append(Violation(path, "expected a string"))
            return value
        message = wrong_length(value)
        if message is None and pattern is not None and pattern.search(value) is None:
            message = expected or (_HIDDEN if was_secret else f"{_HIDDEN}: {value}")
        if message is not None:
            violations.append(Violation(path, message))
        return value

    return check


def _pattern(pattern: str | None) -> re.Pattern[str] | None:
    """`$` as JSON Schema means it: the end, not also a line feed before the end."""
    if pattern is None:
        return None
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _length(least: int | None, most: int | None) -> Callable[[Any], str | None]:
    def wrong_length(value: Any) -> str | None:
        if least is not None and len(value) < least:
            return f"length must be at least {least}"
        if most is not None and len(value) > most:
            return f"length must be at most {most}"
        return None

    return wrong_length


def _literal(info: inspect.Type, extra: dict[str, Any]) -> Check:
    if isinstance(info, inspect.EnumType):
        values: dict[Any, Any] = {member.value: member for member in info.cls}
    else:
        assert isinstance(info, inspect.LiteralType)
        values = {value: value for value in info.values}
    expected = "expected one of: " + ", ".join(str(value) for value in values)
    not_yet = frozenset(extra.get("not_yet", ()))
    is_text = all(isinstance(value, str) for value in values)

    def check(value: Any, path: str, violations: Violations) -> Any:
        before = len(violations)
        value = (_plain(value, path, violations)[0]) if is_text else _scalar(value, path, violations)
        if len(violations) > before:
            return None
        if is_text and not isinstance(value, str):
            violations.append(Violation(path, "expected a string"))
        elif isinstance(value, bool) or not isinstance(value, str | int) or value not in values:
            known = isinstance(value, str) and value in not_yet
            violations.append(Violation(path, f"{value} is {NOT_YET}; {expected}" if known else expected))
        else:
            return values[value]
        return None

    return check


def _array(info: inspect.Type, extra: dict[str, Any]) -> Check:
    assert isinstance(info, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType)
    check_item = _checker(info.item_type)
    wrong_length = _length(info.min_length, info.max_length)
    build = _COLLECTIONS[type(info)]
    said_to_be_set = extra.get("is_set", False)
    is_set = build in (set, frozenset) or said_to_be_set

    def check(value: Any, path: str, violations: Violations) -> Any:
        if not isinstance(value, list):
            violations.append(Violation(path, "expected a set" if is_set else "expected an array"))
            return None
        message = wrong_length(value)
        if message is not None:
            violations.append(Violation(path, message))
        before = len(violations)
        items = [check_item(item, f"{path}[{index}]", violations) for index, item in enumerate(value)]
        if len(violations) > before:
            return None
        return build(list(dict.fromkeys(items)) if said_to_be_set else items)

    return check


_COLLECTIONS: dict[type, Callable[[list[Any]], Any]] = {
    inspect.ListType: list,
    inspect.VarTupleType: tuple,
    inspect.SetType: set,
    inspect.FrozenSetType: frozenset,
}


def _map(info: inspect.Type, extra: dict[str, Any]) -> Check:
    assert isinstance(info, inspect.DictType)
    check_key = _checker(info.key_type)
    check_value = _checker(info.value_type)
    wrong_length = _length(info.min_length, info.max_length)

    def check(value: Any, path: str, violations: Violations) -> Any:
        if not isinstance(value, dict):
            violations.append(Violation(path, "expected a map"))
            return None
        message = wrong_length(value)
        if message is not None:
            violations.append(Violation(path, message))
        result = {}
        for key, item in value.items():
            where = f"{path}.{key}"
            before = len(violations)
            checked_key = check_key(key, where, violations)
            checked = check_value(item, where, violations)
            if len(violations) == before:
                result[checked_key] = checked
        return result

    return check


def _secret(info: inspect.Type, extra: dict[str, Any]) -> Check:
    assert isinstance(info, inspect.CustomType)
    if info.cls is not Secret:
        raise TypeError(f"{info.cls.__name__} has no schema")

    def check(value: Any, path: str, violations: Violations) -> Any:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            violations.append(Violation(path, "expected a string"))
            return None
        return Secret(value)

    return check


_KINDS: dict[type, Callable[[Any], bool]] = {
    inspect.StrType: lambda value: isinstance(value, str | Secret),
    inspect.LiteralType: lambda value: isinstance(value, str | int | Secret),
    inspect.CustomType: lambda value: isinstance(value, str | Secret),
    inspect.BoolType: lambda value: isinstance(value, bool),
    inspect.IntType: lambda value: isinstance(value, int) and not isinstance(value, bool),
    inspect.FloatType: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    inspect.StructType: lambda value: isinstance(value, dict),
    inspect.DictType: lambda value: isinstance(value, dict),
}


def _union(info: inspect.Type, extra: dict[str, Any]) -> Check:
    """The first option that takes values of this kind; an error speaks for that option."""
    assert isinstance(info, inspect.UnionType)
    options: list[tuple[Callable[[Any], bool], Check]] = []
    for option in info.types:
        bare = option
        while isinstance(bare, inspect.Metadata):
            bare = bare.type
        if not isinstance(bare, inspect.NoneType):
            options.append((_KINDS.get(type(bare), lambda value: isinstance(value, list)), _checker(option)))
    if len(options) == 1:
        return options[0][1]

    def check(value: Any, path: str, violations: Violations) -> Any:
        for takes, check_option in options:
            if takes(value):
                return check_option(value, path, violations)
        return options[0][1](value, path, violations)

    return check


_BUILDERS: dict[type, Callable[[Any, dict[str, Any]], Check]] = {
    inspect.AnyType: _any,
    inspect.NoneType: _none,
    inspect.BoolType: _bool,
    inspect.IntType: _number,
    inspect.FloatType: _number,
    inspect.StrType: _text,
    inspect.LiteralType: _literal,
    inspect.EnumType: _literal,
    inspect.ListType: _array,
    inspect.VarTupleType: _array,
    inspect.SetType: _array,
    inspect.FrozenSetType: _array,
    inspect.DictType: _map,
    inspect.StructType: lambda info, extra: _struct(info),
    inspect.CustomType: _secret,
    inspect.UnionType: _union,
}
