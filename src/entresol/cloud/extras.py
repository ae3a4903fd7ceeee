"""The clouds' own libraries, which are optional and heavy: looked for at load time, imported when they are needed."""

from importlib.util import find_spec

from entresol.core.errors import ConfigError


def need(library: str, extra: str, why: str) -> None:
    """Make sure that a library can be imported, without importing it. Raises ConfigError `extra_missing`."""
    if not _is_there(library):
        raise ConfigError("extra_missing", f"{why} needs the package {library}: pip install 'entresol[{extra}]'")


def _is_there(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # of a part of a namespace package such as `google`
        return False
