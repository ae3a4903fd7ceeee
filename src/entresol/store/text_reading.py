"""YAML and JSON text into plain data, safely: bounded size, depth and aliases, no repeated keys, no foreign tags.

YAML is built straight from the event stream: nothing recurses, an alias costs no copy, and whatever is wrong is
reported with its line. Scalars are null, booleans, integers, floats and strings; timestamps stay strings, as a
date in a file (`api_version: 2024-02-01`) is hardly ever meant as one.
"""

import json
import math
from typing import Any, Final

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_NODES: Final = 5_000_000
"""Values in the document with every alias written out."""

_TAG: Final = "tag:yaml.org,2002:"
_COLLECTION_TAGS: Final = frozenset((None, "!", _TAG + "map", _TAG + "seq"))
_SCALAR_TAGS: Final = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str"))


class UnreadableText(ValueError):
    """The text cannot be read as data; the message says why and where."""


def read_text(text: str | bytes) -> Any:
    """Decode YAML, or JSON when it starts with `{`. Raises UnreadableText."""
    if len(text) > MAX_BYTES:
        raise UnreadableText(f"larger than {MAX_BYTES} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableText(f"not UTF-8: byte {error.start}") from error
    if text.lstrip()[:1] == "{":
        try:
            return _read_json(text)
        except json.JSONDecodeError:
            pass  # a YAML flow mapping also starts like this
    return _read_yaml(text)


def _read_json(text: str) -> Any:
    try:
        data = json.loads(text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise UnreadableText(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise error if isinstance(error, UnreadableText) else UnreadableText(str(error)) from error
    if _depth(data) > MAX_DEPTH:
        raise UnreadableText(f"nested deeper than {MAX_DEPTH} levels")
    if "\\u" in text or not text.isascii():
        _refuse_surrogates(data)
    return data


def _refuse_surrogates(data: Any) -> None:
    """JSON can spell half a character; nothing could ever encode it."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableText("a text holds half of a surrogate pair, which is no character") from None


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise UnreadableText(f"duplicate key {key!r}")
            seen.add(key)
    return result


def _refuse_constant(name: str) -> Any:
    raise UnreadableText(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise UnreadableText(f"{text[:40]} is larger than any number that can be kept")
    return value


def _depth(data: Any) -> int:
    depth = 0
    level = [data]
    while level and depth <= MAX_DEPTH:
        depth += 1
        values = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [value for group in values for value in group]
    return depth


def _read_yaml(text: str) -> Any:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        builder = _Builder(yaml)
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
        raise UnreadableText(f"{where}{error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise UnreadableText(f"not YAML: {str(error).splitlines()[0]}") from None
    return builder.document


class _Open:
    """A collection whose end has not come."""

    __slots__ = ("anchor", "key", "merges", "nodes", "value")

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: Any = _NO_KEY
        self.merges: list[Any] = []
        self.nodes = 1


_NO_KEY: Final = object()
_MERGE: Final = object()


class _Builder:
    """Builds data from YAML events."""

    def __init__(self, yaml: Any) -> None:
        self.document: Any = None
        self._yaml = yaml
        self._resolver = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._documents = 0
        self._handlers = {
            yaml.ScalarEvent: self._on_scalar,
            yaml.AliasEvent: self._on_alias,
            yaml.MappingStartEvent: self._on_start,
            yaml.SequenceStartEvent: self._on_start,
            yaml.MappingEndEvent: self._on_end,
            yaml.SequenceEndEvent: self._on_end,
            yaml.DocumentStartEvent: self._on_document,
        }

    def take(self, event: Any) -> None:
        """One event, in order."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _on_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _at(event, "a second document")

    def _on_scalar(self, event: Any) -> None:
        value = self._scalar(event)
        if self._awaits_key and value is not _MERGE:
            value = event.value  # as it is written: JSON, and so a configuration, has no other keys than texts
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, 1, event)

    @property
    def _awaits_key(self) -> bool:
        opened = self._open[-1] if self._open else None
        return opened is not None and isinstance(opened.value, dict) and opened.key is _NO_KEY

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            if not event.implicit[0] or tag == "!":
                return event.value
            tag = self._resolver.resolve(self._yaml.ScalarNode, event.value, event.implicit)
            if tag == _TAG + "merge":
                return _MERGE
            if tag not in _SCALAR_TAGS:
                return event.value
        elif tag not in _SCALAR_TAGS:
            raise _at(event, f"the tag {tag!r} is not allowed")
        if tag == _TAG + "str":
            return event.value
        try:
            value = self._constructor.construct_object(self._yaml.ScalarNode(tag, event.value))
        except (ValueError, KeyError) as error:
            raise _at(event, f"the value is not a {tag.removeprefix(_TAG)}") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _at(event, f"{event.value[:40]!r} is not a finite number")
        return value

    def _on_alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _at(event, f"the alias *{event.anchor} has no anchor before it")
        value, nodes = self._anchors[event.anchor]
        self._put(value, nodes, event)

    def _on_start(self, event: Any) -> None:
        if event.tag not in _COLLECTION_TAGS:
            raise _at(event, f"the tag {event.tag!r} is not allowed")
        if len(self._open) >= MAX_DEPTH:
            raise _at(event, f"nested deeper than {MAX_DEPTH} levels")
        is_mapping = isinstance(event, self._yaml.MappingStartEvent)
        self._open.append(_Open({} if is_mapping else [], event.anchor))

    def _on_end(self, event: Any) -> None:
        opened = self._open.pop()
        for merged in opened.merges:
            for key, value in merged.items():
                opened.value.setdefault(key, value)
        if opened.anchor:
            self._anchors[opened.anchor] = (opened.value, opened.nodes)
        self._put(opened.value, opened.nodes, event)

    def _put(self, value: Any, nodes: int, event: Any) -> None:
        """A value is complete: into the collection it stands in."""
        if not self._open:
            self.document = value
            return
        opened = self._open[-1]
        opened.nodes += nodes
        if opened.nodes > MAX_NODES:
            raise _at(event, f"more than {MAX_NODES} values once aliases are written out")
        if isinstance(opened.value, list):
            opened.value.append(value)
        elif opened.key is _NO_KEY:
            opened.key = self._key(value, opened, event)
        else:
            self._pair(opened, value, event)

    def _key(self, value: Any, opened: _Open, event: Any) -> Any:
        if value is _MERGE:
            return value
        if not isinstance(value, str):
            raise _at(event, "a key must be a string")
        if value in opened.value:
            raise _at(event, f"duplicate key {value!r}")
        return value

    def _pair(self, opened: _Open, value: Any, event: Any) -> None:
        if opened.key is _MERGE:
            merged = value if isinstance(value, list) else [value]
            if not all(isinstance(item, dict) for item in merged):
                raise _at(event, "<<: expects a mapping or a list of mappings")
            opened.merges.extend(merged)
        else:
            opened.value[opened.key] = value
        opened.key = _NO_KEY


def _at(event: Any, message: str) -> UnreadableText:
    mark = event.start_mark
    return UnreadableText(f"line {mark.line + 1}, column {mark.column + 1}: {message}")
