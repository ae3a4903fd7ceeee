"""Formats and providers by name, from the entry points that installed packages declare.

Ours and a third party's are found alike. A leaf is imported when it is first asked for, at load time, never during a
request.
"""

from functools import cache
from importlib.metadata import entry_points

from entresol.core.errors import ConfigError
from entresol.llm.format import Format
from entresol.llm.provider import Provider


@cache
def format_named(name: str) -> Format:
    """A wire format. Raises ConfigError for one that is not installed."""
    found = _load("entresol.formats", name)
    assert isinstance(found, Format)
    return found


@cache
def provider_named(name: str) -> Provider:
    """A provider. Raises ConfigError for one that is not installed."""
    found = _load("entresol.providers", name)
    assert isinstance(found, Provider)
    return found


def _load(group: str, name: str) -> object:
    for entry in entry_points(group=group, name=name):
        return entry.load()()
    known = ", ".join(sorted(entry_points(group=group).names))
    raise ConfigError("unknown_leaf", f"{name!r} is not installed; there are: {known}")
