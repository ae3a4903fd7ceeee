"""A provider whose options hold placeholders, as Kong lets them: which resource or deployment, the request says."""

import re
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.model_config import TEMPLATED, ModelOptions
from entresol.llm.provider import Provider
from entresol.llm.templates import Lookup, Template

_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_MOST: Final = 256


class TemplatedProvider:
    """Makes the provider that a request is for. What was made is remembered."""

    def __init__(self, provider: Provider, options: ModelOptions) -> None:
        """`provider` as it is installed, without options."""
        self._provider = provider
        self._options = options
        texts = {path: _get(options, path) for path in TEMPLATED}
        self._templates = {path: Template(text) for path, text in texts.items() if text is not None}
        self._templates = {path: each for path, each in self._templates.items() if not each.is_constant}
        self._made: dict[tuple[str, ...], Provider] = {}

    @property
    def is_needed(self) -> bool:
        """Whether there is a placeholder at all."""
        return bool(self._templates)

    def provider(self, lookup: Lookup) -> Provider:
        """The provider for one request. Raises ClientError `template_value_missing`, or `bad_request` for a value that
        would be more than a label of a host or a segment of a path: it could lead the credential elsewhere."""
        values = tuple([_rendered(template, path, lookup) for path, template in self._templates.items()])
        made = self._made.get(values)
        if made is None:
            options = self._options
            for path, value in zip(self._templates, values, strict=True):
                options = _with(options, path, value)
            if len(self._made) >= _MOST:  # values come from clients
                self._made.clear()
            made = self._made[values] = self._provider.configured(options)
        return made


def _rendered(template: Template, path: str, lookup: Lookup) -> str:
    allowed = _LABEL if TEMPLATED[path] == "host" else _SEGMENT

    def checked(source: str, key: str) -> str | None:
        value = lookup(source, key)
        if value and allowed.fullmatch(value) is None:
            raise ClientError("bad_request", f"{source} key {key} is not possible in the route's {path}")
        return value

    return template.render(checked)


def _get(options: ModelOptions, path: str) -> str | None:
    block, _, name = path.rpartition(".")
    where = getattr(options, block) if block else options
    return None if where is None else getattr(where, name)


def _with(options: ModelOptions, path: str, value: str) -> ModelOptions:
    block, _, name = path.rpartition(".")
    if not block:
        return msgspec.structs.replace(options, **{name: value})
    return msgspec.structs.replace(
        options, **{block: msgspec.structs.replace(getattr(options, block), **{name: value})}
    )
