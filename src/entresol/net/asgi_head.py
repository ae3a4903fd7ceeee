"""An ASGI scope as a `RequestHead`, with the checks that ASGI servers do not make.

Servers differ in what they let through (docs/concepts/conformance.md), so the rules on which routing, authentication
and framing rest are applied to the parsed scope again: RFC 9112 §3.2, §5, §6.1, §6.3, RFC 9110 §5.5, §7.2, §8.6.
"""

import re
from typing import Final, cast
from urllib.parse import quote

from entresol.core.errors import ClientError
from entresol.core.http import Connection, HeaderPairs, Headers, RequestHead, TlsInfo
from entresol.net import refusals
from entresol.net.asgi_types import Scope
from entresol.net.refusals import Refusal
from entresol.net.request_checks import is_valid_host, refuse_path

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
_BAD_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ONLY_ONCE: Final = {
    b"host": refusals.HOST_REPEATED,
    b"authorization": refusals.AUTHORIZATION_REPEATED,
    b"content-length": refusals.framing_ambiguous("Content-Length is repeated"),
    b"transfer-encoding": refusals.framing_ambiguous("Transfer-Encoding is repeated"),
}
_TLS_VERSIONS: Final = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


def request_head(scope: Scope) -> RequestHead:
    """The request a scope describes. Raises ClientError for one that must not be forwarded."""
    version = str(scope["http_version"])
    headers = _checked_headers(scope["headers"])
    _check_framing(headers)
    host = headers.get(b"host")
    if host is None and version == "1.1":
        raise _refused(refusals.HOST_MISSING)
    if host is not None and not is_valid_host(host):
        raise _refused(refusals.HOST_INVALID)
    method = str(scope["method"])
    query = bytes(scope.get("query_string") or b"")
    return RequestHead(
        method=method,
        path=_checked_path(scope, method),
        query=_checked_query(query).decode("latin-1"),
        headers=headers,
        connection=_connection(scope),
        version=version,
    )


def _refused(refusal: Refusal) -> ClientError:
    return ClientError(refusal.code, refusal.message, status=refusal.status)


def _checked_headers(raw: list[tuple[bytes, bytes]]) -> Headers:
    pairs: HeaderPairs = []
    seen: set[bytes] = set()
    for raw_name, raw_value in raw:
        name, value = bytes(raw_name).lower(), bytes(raw_value).strip(b" \t")
        if _TOKEN.fullmatch(name) is None:
            raise _refused(refusals.malformed("a header field name holds a character that is not allowed"))
        if _BAD_IN_VALUE.search(value) is not None:
            raise _refused(refusals.malformed(f"the value of {name.decode()} holds a control character"))
        if name in _ONLY_ONCE:
            if name in seen:
                raise _refused(_ONLY_ONCE[name])
            seen.add(name)
        pairs.append((name, value))
    return Headers(pairs)


def _check_framing(headers: Headers) -> None:
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if length is not None and not length.isdigit():
        raise _refused(refusals.framing_ambiguous("Content-Length is not a number"))
    if coding is None:
        return
    if length is not None:
        raise _refused(refusals.framing_ambiguous("Content-Length and Transfer-Encoding together"))
    if coding.lower() != b"chunked":
        raise _refused(refusals.TRANSFER_CODING_UNSUPPORTED)


def _checked_path(scope: Scope, method: str) -> str:
    raw = scope.get("raw_path")
    path = quote(scope["path"], safe="/:@!$&'()*+,;=-._~").encode("ascii") if raw is None else bytes(raw)
    if _TARGET.fullmatch(path) is None:
        raise _refused(refusals.target_invalid("it holds a character that is not allowed"))
    if not path.startswith(b"/") and not (path == b"*" and method == "OPTIONS"):
        raise _refused(refusals.target_invalid("it is not a path that starts with /"))
    refusal = refuse_path(path.decode("ascii"))
    if refusal is not None:
        raise _refused(refusal)
    return path.decode("ascii")


def _checked_query(query: bytes) -> bytes:
    if query and _TARGET.fullmatch(query) is None:
        raise _refused(refusals.target_invalid("its query holds a character that is not allowed"))
    return query


def _connection(scope: Scope) -> Connection:
    peer_ip, peer_port = _address(scope.get("client"))
    local_ip, local_port = _address(scope.get("server"))
    tls = _tls(scope) if scope.get("scheme") in ("https", "wss") else None
    return Connection(peer_ip, peer_port, local_ip, local_port, tls)


def _address(pair: object) -> tuple[str, int]:
    """Host and port as servers give them; a Unix socket has neither."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or pair[1] is None:
        return "", 0
    return str(pair[0]), int(pair[1])


def _tls(scope: Scope) -> TlsInfo:
    """What the server tells about TLS (the ASGI TLS extension). Most tell nothing but the scheme."""
    extensions = cast("dict[str, dict[str, object]]", scope.get("extensions") or {})
    facts = extensions.get("tls")
    if facts is None:
        return TlsInfo(version="unknown", cipher="unknown")
    chain = _der_chain(facts) if not facts.get("client_cert_error") else ()
    version = facts.get("tls_version")
    return TlsInfo(
        version=_TLS_VERSIONS.get(version, "unknown") if isinstance(version, int) else "unknown",
        cipher=str(facts.get("cipher_suite") or "unknown"),
        client_certificate=chain[0] if chain else None,
        client_chain=chain,
    )


def _der_chain(facts: dict[str, object]) -> tuple[bytes, ...]:
    chain = facts.get("client_cert_chain")
    if not isinstance(chain, (tuple, list)) or not chain:
        return ()
    from ssl import PEM_cert_to_DER_cert  # only where client certificates are used

    return tuple(PEM_cert_to_DER_cert(str(pem)) for pem in chain)
