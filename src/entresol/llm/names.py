"""The names under which formats and providers are installed, ours and third parties'."""

from functools import cache
from importlib.metadata import entry_points


@cache
def installed_providers() -> tuple[str, ...]:
    """Every provider that a model may be at, sorted."""
    return tuple(sorted(entry_points(group="entresol.providers").names))
