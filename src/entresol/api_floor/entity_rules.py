"""What fields of entities may hold beyond their type. Each `…_problem` gives Kong's message, or None."""

import hashlib
import ipaddress
import re
from typing import Any, Final
from urllib.parse import urlsplit

from entresol.core.secret import Secret
from entresol.core.uri import normalise_path

MAX_PATTERN_LENGTH: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z0-9.\-_~\x80-\U0010ffff]+\Z")
_TAG: Final = re.compile(r"[ !-+\-.0-~\x80-\U0010ffff]+\Z")
_HOST: Final = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_\-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_\-]*[A-Za-z0-9_])?)*\.?\Z"
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9_\-]+\Z")
_PATH: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:@/]*\Z")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def name_problem(name: str) -> str | None:
    """Names others refer to."""
    if _NAME.match(name) is None:
        return f"invalid value '{name}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
    return None


def tag_problem(tag: str) -> str | None:
    """Tags are joined with `,` and `/` in queries."""
    if _TAG.match(tag) is None:
        return f"invalid tag '{tag}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
    return None


def host_problem(host: str) -> str | None:
    """A host name or an IP address, without a port."""
    if _is_ip(host.strip("[]")):
        return None
    if _HOST.match(host) is None:
        name, _, port = host.partition(":")
        if port.isdigit() and _HOST.match(name):
            return "must not have a port"
        return f"invalid value: {host}"
    return None


def sni_problem(name: str) -> str | None:
    """A server name; the first label may be `*`."""
    if _is_ip(name):
        return "must not be an IP"
    if "*" in name and not (name.startswith("*.") and name.count("*") == 1):
        return "wildcard must be leftmost or rightmost character"
    return host_problem(name.removeprefix("*."))


def route_sni_problem(name: str) -> str | None:
    """A server name that a route looks at; its first or last label may be `*`."""
    return sni_problem(name[:-1] + "x") if name.endswith(".*") and "*" not in name[:-1] else sni_problem(name)


def host_pattern_problem(pattern: str) -> str | None:
    """A route's host: a name with at most one wildcard label, perhaps with a port."""
    host, separator, port = pattern.rpartition(":")
    if not separator or pattern.endswith("]"):
        host = pattern
    elif not (port.isascii() and port.isdigit()):
        return f"invalid hostname: {pattern}"
    elif not 0 < int(port[:6]) <= 65535:
        return "invalid port number"
    if host.count("*") > 1:
        return "invalid wildcard: must have at most one wildcard"
    if "*" in host:
        if not (host.startswith("*.") or host.endswith(".*")):
            return "invalid wildcard: must be placed at leftmost or rightmost label"
        host = host.removeprefix("*.").removesuffix(".*")
    return f"invalid hostname: {pattern}" if host_problem(host) is not None else None


def path_pattern_problem(pattern: str) -> str | None:
    """A route's path: a prefix, or `~` and a regular expression."""
    if pattern.startswith("~/"):
        return regex_problem(pattern[1:])
    if not pattern.startswith("/"):
        return "should start with: / (fixed path) or ~/ (regex path)"
    return _plain_path_problem(pattern)


def service_path_problem(path: str) -> str | None:
    """The prefix of upstream paths."""
    return _plain_path_problem(path) if path.startswith("/") else "should start with: /"


def _plain_path_problem(path: str) -> str | None:
    if "//" in path:
        return "must not have empty segments"
    bad = _BAD_ESCAPE.search(path)
    if bad is not None:
        return f"invalid url-encoded value: '{bad[0]}'"
    if _PATH.match(path) is None:
        return f"invalid path: '{path}' (characters outside of the reserved list of RFC 3986 found)"
    normal = normalise_path(path)
    return None if normal == path else f"non-normalized path, consider use '{normal}' instead"


def header_values_problem(values: tuple[str, ...]) -> str | None:
    """A route's header values; after `~*` they are regular expressions."""
    problems = (regex_problem(value[2:]) for value in values if value.startswith("~*"))
    return next((problem for problem in problems if problem is not None), None)


def route_header_problem(name: str) -> str | None:
    """The name of a header that a route looks at."""
    if name.lower() == "host":
        return "cannot contain 'host' header, which must be specified in the 'hosts' attribute"
    return (
        None
        if _HEADER_NAME.match(name)
        else f"bad header name '{name}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
    )


def regex_problem(pattern: str) -> str | None:
    """Why RE2 refuses a pattern; it refuses everything that could take more than linear time."""
    import re2

    if len(pattern) > MAX_PATTERN_LENGTH:
        return f"invalid regex: longer than {MAX_PATTERN_LENGTH} characters"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        return f"invalid regex: '{pattern}' ({reason}; patterns are RE2: no look-around, no back-references)"
    except UnicodeEncodeError:
        return "invalid regex: not Unicode text"
    return None


def route_violations(
    protocols: tuple[str, ...], matchers: tuple[object, ...], snis: tuple[str, ...] | None
) -> list[tuple[str, str]]:
    """A route needs something to match on, and server names need TLS."""
    if snis and "https" not in protocols:
        return [("snis", "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'")]
    if not any(matchers):
        secure = "https" in protocols
        fields = (
            "'methods', 'hosts', 'headers', 'paths', 'snis'" if secure else "'methods', 'hosts', 'headers', 'paths'"
        )
        protocol = "https" if secure else "http"
        return [("@entity", f"must set one of {fields} when 'protocols' is '{protocol}'")]
    return []


def certificate_problem(pem: str) -> str | None:
    """Looks like PEM; the listener that loads it checks the rest."""
    return None if "-----BEGIN CERTIFICATE-----" in pem else "invalid certificate: expected PEM"


def expand_url(raw: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A service's shorthand `url`; it wins over the fields it stands for, as in Kong."""
    if raw.get("url") is None:
        return {name: value for name, value in raw.items() if name != "url"}, []
    expanded = dict(raw)
    url = expanded.pop("url")
    is_secret = isinstance(url, Secret)
    if isinstance(url, Secret) and url.is_resolved:
        url = url.reveal()
    if not isinstance(url, str):
        message = f"no value for {', '.join(url.missing)}" if isinstance(url, Secret) else "expected a string"
        return {**expanded, "host": "unknown"}, [("url", message)]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return {**expanded, "host": "unknown"}, [("url", "could not parse url")]
    problems = []
    if not parts.scheme:
        problems.append(("url", "missing scheme in url"))
    elif not parts.hostname:
        problems.append(("url", "missing host in url"))
    elif parts.username is not None or parts.query or parts.fragment:
        problems.append(("url", "must not have credentials, a query or a fragment"))
    expanded |= {"protocol": parts.scheme or "http", "host": parts.hostname or "unknown"}
    expanded["port"] = _DEFAULT_PORTS.get(parts.scheme, 80) if port is None else port
    if parts.path and not problems:
        expanded["path"] = parts.path
    if is_secret:  # so are its parts: no message may repeat them
        expanded |= {name: Secret(expanded[name]) for name in ("host", "path") if isinstance(expanded.get(name), str)}
    return expanded, problems


def expand_key(raw: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A key becomes its digest; a life in seconds becomes an end."""
    expanded = dict(raw)
    problems: list[tuple[str, str]] = []
    key = expanded.pop("key", None)
    ttl = expanded.pop("ttl", None)
    if isinstance(key, Secret):
        key = key.reveal() if key.is_resolved else None
        if key == "":
            problems.append(("key", "length must be at least 1: the variable it refers to is empty"))
        elif key is not None:
            expanded["key_sha256"] = sha256_of(key)
    elif isinstance(key, str) and key:
        expanded["key_sha256"] = sha256_of(key)
    elif key is not None:
        problems.append(("key", "length must be at least 1" if key == "" else "expected a string"))
    elif expanded.get("key_sha256") is None:
        problems.append(("key", "required field missing"))
    if ttl is not None:
        created = expanded.get("created_at")
        if isinstance(ttl, bool) or not isinstance(ttl, int) or ttl < 0:
            problems.append(("ttl", "expected an integer"))
        elif not isinstance(created, int):
            problems.append(("ttl", "counts from 'created_at', which is missing; or set 'expires_at'"))
        else:
            expanded["expires_at"] = created + ttl
    return expanded, problems


def sha256_of(key: str) -> str:
    """What is kept of an API key: 64 hex digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
