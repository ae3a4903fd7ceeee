"""The path an upstream sees: service path and request path joined by `strip_path` and `path_handling`.

Kong's truth table (Kong/kong, spec/fixtures/router_path_handling_tests.lua) is restated in the tests.
"""

from collections.abc import Callable

PathBuilder = Callable[[str, int], str]
"""From a normalised request path and the length of its matched part to the upstream path."""


def path_builder(service_path: str, strip_path: bool, path_handling: str) -> PathBuilder:
    """How a route builds upstream paths. `service_path` starts with `/`."""
    join = _with_one_slash if path_handling == "v0" else _verbatim
    if service_path == "/" and not strip_path:
        return _unchanged

    def build(path: str, matched: int) -> str:
        if not path.startswith("/"):
            return path  # `OPTIONS *` concerns the server as a whole
        return join(service_path, _without_dots(path[matched:]) if strip_path else path[1:], path)

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


def _with_one_slash(base: str, rest: str, path: str) -> str:
    """v0: exactly one slash between the parts; an empty rest keeps the request's trailing slash."""
    if rest == "":
        if base == "/":
            return base
        if len(path) > 1 and path.endswith("/"):
            return base if base.endswith("/") else base + "/"
        return base if path == "/" else base.removesuffix("/")
    return base.removesuffix("/") + "/" + rest.removeprefix("/")


def _verbatim(base: str, rest: str, path: str) -> str:
    """v1: the parts as they are, only never two slashes."""
    return base + (rest.removeprefix("/") if base.endswith("/") else rest)
