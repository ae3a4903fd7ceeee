"""Kong's template values: `$(headers.x)`, `$(uri_captures.x)` and `$(query_params.x)` inside a configured text."""

import re
from collections.abc import Callable
from typing import Final

from entresol.core.errors import ClientError

_PLACEHOLDER: Final = re.compile(r"\$\((headers|uri_captures|query_params)\.([\w\-]+)\)")

Lookup = Callable[[str, str], str | None]
"""The value of a source (`headers`, `uri_captures`, `query_params`) and key in the request at hand."""


class Template:
    """A text with or without placeholders."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_constant = _PLACEHOLDER.search(text) is None

    def render(self, lookup: Lookup) -> str:
        """The text for one request. Raises ClientError `template_value_missing`, as Kong words it."""

        def value(match: re.Match[str]) -> str:
            source, key = match.group(1), match.group(2)
            found = lookup(source, key)
            if not found:
                raise ClientError("template_value_missing", f"{source} key {key} was not provided")
            return found

        return self.text if self.is_constant else _PLACEHOLDER.sub(value, self.text)
