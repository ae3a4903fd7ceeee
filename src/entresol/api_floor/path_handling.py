"""The path an upstream sees: service path and request path joined by `strip_path` and `path_handling`.

Kong's truth table (Kong/kong, spec/fixtures/router_path_handling_tests.lua) is restated in the tests.
"""

from collections.abc import Callable

PathBuilder = Callable[[str, int], str]
"""From a normalised request path and the length of its matched part to the upstream path."""


def path_builder(service_path: str, strip_path: bool, path_handling: str) -> PathBuilder:
    """How a route builds upstream paths. `service_path` starts with `/`."""
    if service_path == "/" and not strip_path:
        return _unchanged
    join = _with_one_slash(service_path) if path_handling == "v0" else _verbatim(service_path)

    def build(path: str, matched: int) -> str:
        if path[0] != "/":
            return path  # `OPTIONS *` concerns the server as a whole
        rest = path[matched:] if strip_path else path[1:]
        if strip_path and rest[:1] == ".":
            rest = _without_dots(rest)
        return join(rest, path)

    return build


def _unchanged(path: str, matched: int) -> str:
    return path


def _without_dots(rest: str) -> str:
    """Cutting `/a` off `/a../b` must not leave a way up."""
    if rest in (".", ".."):
        return ""
    if rest.startswith("./"):
        return rest[2:]
    if rest.startswith("../"):
        return rest[3:]
    return rest


def _with_one_slash(base: str) -> Callable[[str, str], str]:
    """v0: exactly one slash between the parts; an empty rest keeps the request's trailing slash."""
    trunk = base.removesuffix("/")

    def join(rest: str, path: str) -> str:
        if rest:
            return trunk + rest if rest[0] == "/" else f"{trunk}/{rest}"
        if base == "/" or path == "/":
            return base
        return trunk + "/" if path[-1] == "/" else trunk

    return join


def _verbatim(base: str) -> Callable[[str, str], str]:
    """v1: the parts as they are, only never two slashes."""
    if not base.endswith("/"):
        return lambda rest, path: base + rest
    return lambda rest, path: base + rest.removeprefix("/")
