"""Header fields as the log record shows them: a JSON object, without the values that are credentials."""

from typing import Any, Final

from entresol.api_floor.log_slots import ALWAYS_SECRET
from entresol.api_floor.log_text import MAX_LENGTH, MAX_TEXTS, escaped_once
from entresol.core.http import HeaderPairs

REDACTED: Final = "REDACTED"
SECRET_HEADERS: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie")) | {
    name.encode("ascii") for name in ALWAYS_SECRET
}
"""Never logged, whether or not a plugin says that they held a credential."""


class _Field:
    """A field that was shown before."""

    __slots__ = ("member", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        """The value, escaped."""
        self.member = f'"{escaped_once(name)}":"{text}"'


class ShownFields:
    """Shows header fields, with `secrets` (lower-case names) hidden beside those that always are."""

    __slots__ = ("_hidden", "_known", "is_hiding_host")

    def __init__(self, secrets: frozenset[str]) -> None:
        hidden = SECRET_HEADERS | {name.encode("latin-1", "replace") for name in secrets}
        self._hidden = hidden
        self.is_hiding_host = b"host" in hidden
        # By name and value. Any: a tuple whose type the compiler knows would be put together anew to look it up.
        self._known: dict[Any, _Field] = {}

    def json(self, pairs: HeaderPairs) -> str:
        """An object of strings, lists of strings where a field is repeated."""
        members: dict[str, str] = {}
        known = self._known
        fields: list[Any] = pairs  # see `_known`
        for pair in fields:
            field = known.get(pair)
            if field is None:
                field = self._field(pair)
            members[field.name] = field.member
        if len(members) == len(pairs):
            return "{" + ",".join(members.values()) + "}"
        return self._with_lists(pairs)

    def _field(self, pair: tuple[bytes, bytes]) -> _Field:
        """A field that is not remembered. One that is hidden never is: its value would be."""
        key, value = pair
        name = key.decode("latin-1")
        if key in self._hidden:
            return _Field(name, REDACTED)
        field = _Field(name, escaped_once(value.decode("utf-8", "backslashreplace")))
        if len(value) <= MAX_LENGTH:
            if len(self._known) >= MAX_TEXTS:
                self._known.clear()
            self._known[pair] = field
        return field

    def _with_lists(self, pairs: HeaderPairs) -> str:
        values: dict[str, list[str]] = {}
        for pair in pairs:
            field = self._field(pair)
            values.setdefault(escaped_once(field.name), []).append(field.text)
        members = []
        for name, texts in values.items():
            text = f'"{texts[0]}"' if len(texts) == 1 else '["' + '","'.join(texts) + '"]'
            members.append(f'"{name}":{text}')
        return "{" + ",".join(members) + "}"


_MAX_VIEWS: Final = 50
_NONE: Final[frozenset[str]] = frozenset()
_plain: Final = ShownFields(_NONE)
_views: Final[dict[frozenset[str], ShownFields]] = {}


def shown_fields(secrets: frozenset[str] | None) -> ShownFields:
    """How fields are shown where plugins say that fields of these names held a credential."""
    if secrets is None:
        return _plain
    view = _views.get(secrets)
    if view is None:
        if len(_views) >= _MAX_VIEWS:
            _views.clear()
        view = _views[secrets] = ShownFields(secrets)
    return view
