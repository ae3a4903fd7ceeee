"""Redirect URIs: which may be registered, and when one that is presented is one that is registered.

Matching is by characters. The only freedom is the port of a loopback address of a native client (RFC 8252 §7.3).
What two parsers could read differently is not registered at all. Sources: RFC 3986, RFC 6749 §3.1.2, RFC 8252 §7,
RFC 9700 §2.1 and §4.1, OAuth 2.1 §2.3.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from entresol.identity.oauth.errors import OAuthError

MAX_LENGTH: Final = 2000
RedirectKind = Literal["https", "loopback", "private-use"]
_HOST_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_WEB: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?"
)
_PRIVATE: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):(?P<rest>[A-Za-z0-9._~!$&'()+,;=:%/-]*)(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?"
)
_NAME: Final = re.compile(rf"(?:{_HOST_LABEL}\.)*{_HOST_LABEL}")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2[eEfF]|5[cC]|[01][0-9A-Fa-f]|7[fF]|25)")
"""Half escapes; dots, slashes, backslashes, control characters and percent signs that are hidden in escapes."""
_BAD_QUERY_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[fF])")
_DOT_SEGMENT: Final = re.compile(r"(?:^|/)\.\.?(?:/|$)")
_LOOPBACK: Final = frozenset(("127.0.0.1", "[::1]", "localhost"))
_NEVER: Final = frozenset(
    ("javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "ftp", "ws", "wss", "view-source")
)
_ANSWERS: Final = frozenset(("code", "state", "iss", "error", "error_description", "error_uri", "response"))


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a redirect URI leads, for people."""

    kind: RedirectKind
    host: str
    """ASCII: an international name stays in its `xn--` form, so that no look-alike can pass for another. Of private-use
    schemes, the scheme."""
    is_international: bool = False
    form_target: str
    """The origin or scheme for the `form-action` directive of a page whose form leads there."""


def check_redirect_uri(uri: str, *, extra_schemes: Iterable[str] = ()) -> RedirectKind:
    """The kind of a URI that may be registered.

    `extra_schemes` are custom schemes without a dot that an administrator trusts. Raises OAuthError
    `invalid_redirect_uri` (RFC 7591 §3.2.2), which says what is wrong.
    """
    if len(uri) > MAX_LENGTH:
        raise _bad(f"is longer than {MAX_LENGTH} characters")
    if not uri.isascii() or any(c <= " " or c == "\x7f" for c in uri):
        raise _bad("holds spaces, control characters or characters beyond ASCII; hosts are written in their xn-- form")
    if "#" in uri:
        raise _bad("has a fragment")
    if "\\" in uri:
        raise _bad("has a backslash")
    if "*" in uri.partition("?")[0]:
        raise _bad("has a wildcard; every URI is registered by itself")
    scheme = uri.partition(":")[0]
    if scheme in ("http", "https"):
        return _check_web(uri)
    return _check_private(uri, scheme, frozenset(extra_schemes))


def matching_redirect(presented: str, registered: Sequence[str], *, is_native: bool) -> str | None:
    """The registered URI that a presented one is, or None."""
    if presented in registered:
        return presented
    if not is_native:
        return None
    without_port = _loopback_without_port(presented)
    if without_port is None:
        return None
    return next((uri for uri in registered if _loopback_without_port(uri) == without_port), None)


def destination(uri: str) -> Destination:
    """What people are shown of a registered URI."""
    web = _WEB.fullmatch(uri)
    if web is None:
        scheme = uri.partition(":")[0]
        return Destination(kind="private-use", host=scheme, form_target=f"{scheme}:")
    host, port = web["host"], web["port"]
    return Destination(
        kind="loopback" if host in _LOOPBACK else "https",
        host=host,
        is_international=any(label.startswith("xn--") for label in host.split(".")),
        form_target=f"{web['scheme']}://{host}" + (f":{port}" if port else ""),
    )


def is_native_redirect(uri: str) -> bool:
    """Whether it leads to a program on the user's own device."""
    return destination(uri).kind != "https"


def with_answer(uri: str, answer: Sequence[tuple[str, str]]) -> str:
    """The URI with an answer's parameters behind those that it has (RFC 6749 §4.1.2)."""
    separator = "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(answer)}"


def _check_web(uri: str) -> RedirectKind:
    parts = _WEB.fullmatch(uri)
    if parts is None:
        raise _bad(
            "is no plain http or https URL: scheme and host in lower case, no user name, no empty port, "
            "no characters that have to be percent-encoded"
        )
    if parts["port"] is not None and int(parts["port"]) > 65535:
        raise _bad("has a port above 65535")
    host = parts["host"]
    if not _is_host(host):
        raise _bad("has a host that is no name and no plain address")
    _check_path(parts["path"] or "", parts["query"])
    if host in _LOOPBACK:
        return "loopback"
    if parts["scheme"] == "http":
        raise _bad("uses http to a host that is not 127.0.0.1, [::1] or localhost; use https")
    return "https"


def _check_private(uri: str, scheme: str, extra: frozenset[str]) -> RedirectKind:
    parts = _PRIVATE.fullmatch(uri)
    if parts is None or scheme in _NEVER:
        raise _bad("has a scheme that browsers do not leave for another program")
    if "." not in scheme and scheme not in extra:
        raise _bad("has a custom scheme without a dot; use a reversed domain name, such as com.example.app (RFC 8252)")
    if scheme.startswith(("xn--",)) or ".." in scheme or scheme.endswith("."):
        raise _bad("has a scheme that is no reversed domain name")
    _check_path(parts["rest"], parts["query"])
    return "private-use"


def _check_path(path: str, query: str | None) -> None:
    if _BAD_ESCAPE.search(path) or _BAD_QUERY_ESCAPE.search(query or ""):
        raise _bad("hides a slash, a dot, a percent sign or a control character in percent-encoding")
    if _DOT_SEGMENT.search(path):
        raise _bad("has a dot segment in its path")
    names = {name for name, _ in parse_qsl(query or "", keep_blank_values=True)}
    if names & _ANSWERS:
        raise _bad("has a query parameter that belongs to the answer: " + " ".join(sorted(names & _ANSWERS)))


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])) == host[1:-1]
        except ValueError:
            return False
    last = host.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        try:
            return str(ipaddress.IPv4Address(host)) == host
        except ValueError:
            return False
    return len(host) <= 253 and _NAME.fullmatch(host) is not None


def _loopback_without_port(uri: str) -> tuple[str, str, str | None] | None:
    parts = _WEB.fullmatch(uri)
    if parts is None or parts["scheme"] != "http" or parts["host"] not in _LOOPBACK:
        return None
    if parts["port"] is not None and int(parts["port"]) > 65535:
        return None
    return parts["host"], parts["path"] or "", parts["query"]


def _bad(why: str) -> OAuthError:
    return OAuthError("invalid_redirect_uri", f"a redirect URI {why}")
