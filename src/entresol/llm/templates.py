"""Kong's template values: `$(headers.x)`, `$(uri_captures.x)` and `$(query_params.x)` inside a configured text."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote

from entresol.core.errors import ClientError

_PLACEHOLDER: Final = re.compile(r"\$\((headers|uri_captures|query_params)\.([\w\-]+)\)")

_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")
_SCHEME: Final = re.compile(r"[a-z]+://")
_IN_PATH: Final = "/:@!$&'()*+,;=~"
_IN_QUERY: Final = "/:@~"
_ENCODED: Final = re.compile(r"(%[0-9A-Fa-f]{2})")
_DOTS: Final = frozenset((".", ".."))

Lookup = Callable[[str, str], str | None]
"""The value of a source (`headers`, `uri_captures`, `query_params`) and key in the request at hand."""


class Template:
    """A text with or without placeholders."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_constant = _PLACEHOLDER.search(text) is None

    def render(self, lookup: Lookup) -> str:
        """The text for one request. Raises ClientError `template_value_missing`, as Kong words it."""
        return self._filled(lookup, lambda value, start: value)

    def render_url(self, lookup: Lookup) -> str:
        """The text as a URL in which each value stays in its place: none can end the host, the path or the query.

        Values are percent-encoded where they stand; what was encoded stays so. One at the very start is the operator's
        wish that the request name the address, and goes in as it is. Raises ClientError `template_value_missing`, or
        `bad_request` for a value that is no host, or that climbs out of the path.
        """
        scheme = _SCHEME.match(self.text)
        if scheme is None:
            return self.render(lookup)
        ends = [at for at in (self.text.find(mark, scheme.end()) for mark in "/?#") if at >= 0]
        return self._in_place(lookup, min(ends, default=len(self.text)))

    def render_path(self, lookup: Lookup) -> str:
        """The text as a path, likewise."""
        return self._in_place(lookup, 0)

    def _in_place(self, lookup: Lookup, path_at: int) -> str:
        query_at = self.text.find("?", path_at)

        def placed(value: str, start: int) -> str:
            if start < path_at:
                if _HOST.fullmatch(value) is None:
                    raise ClientError("bad_request", "a value in the route's upstream_url is no host name")
                return value
            return _quoted(value, _IN_PATH if query_at < 0 or start < query_at else _IN_QUERY)

        filled = self._filled(lookup, placed)
        if not self.is_constant and not _DOTS.isdisjoint(unquote(filled.partition("?")[0]).split("/")):
            raise ClientError("bad_request", "a value in the route's upstream address climbs out of its path")
        return filled

    def _filled(self, lookup: Lookup, placed: Callable[[str, int], str]) -> str:
        def value(match: re.Match[str]) -> str:
            source, key = match.group(1), match.group(2)
            found = lookup(source, key)
            if not found:
                raise ClientError("template_value_missing", f"{source} key {key} was not provided")
            return placed(found, match.start())

        return self.text if self.is_constant else _PLACEHOLDER.sub(value, self.text)


def _quoted(value: str, safe: str) -> str:
    """Percent-encoded, but for `safe` and for what is already."""
    pieces = _ENCODED.split(value)
    return "".join([piece if at % 2 else quote(piece, safe=safe) for at, piece in enumerate(pieces)])
