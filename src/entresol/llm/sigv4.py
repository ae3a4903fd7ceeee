"""AWS Signature Version 4: requests signed in the `Authorization` header.

Source: "Create a signed AWS API request" in the IAM User Guide
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). What is signed: the
method, the path (encoded once more than it is sent), the query, Host, Content-Type and every `x-amz-` field, and the
SHA-256 of the body. Bodies are always signed; there is no UNSIGNED-PAYLOAD.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote

from entresol.core.http import HeaderPairs
from entresol.llm.cloud_credentials import OTHER_CREDENTIALS

_REPLACED: Final = OTHER_CREDENTIALS | {b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"}
"""Of whoever signed before: a client that believes to speak to AWS signs with a key of its own."""
_PATHS_REMEMBERED: Final = 256


class AwsKeys:
    """What AWS knows a caller by. Never changed."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str | None = None) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        """With keys that are given out for a while."""

    def _parts(self) -> tuple[str, str, str | None]:
        return (self.access_key_id, self.secret_access_key, self.session_token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AwsKeys) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"AwsKeys({self.access_key_id}, ***)"


class AwsSignature:
    """Signs the requests to one service in one region (`CloudCredential`)."""

    def __init__(self, keys: AwsKeys, region: str, service: str) -> None:
        self._keys = keys
        self._region = region
        self._service = service
        self._token = None if keys.session_token is None else keys.session_token.encode("ascii")
        self._day = ""
        self._scope = ""
        self._key = b""
        self._paths: dict[str, str] = {}
        secret = keys.secret_access_key.encode()
        self.secrets: tuple[bytes, ...] = (secret,) if self._token is None else (secret, self._token)

    def apply(self, method: str, host: str, target: str, pairs: HeaderPairs, body: bytes, now: float) -> HeaderPairs:
        """See `CloudCredential`."""
        path, _, query = target.partition("?")
        kept = [pair for pair in pairs if pair[0] not in _REPLACED]
        return kept + self.sign(method, host, path, query, kept, body, now)

    def sign(
        self, method: str, host: str, path: str, query: str, pairs: HeaderPairs, body: bytes, now: float
    ) -> HeaderPairs:
        """The fields to add to a request. Path and query are those that are sent, percent-encoded."""
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        if day != self._day:
            self._begin(day)
        added: HeaderPairs = [(b"x-amz-date", moment.encode("ascii"))]
        if self._token is not None:
            added.append((b"x-amz-security-token", self._token))
        signed = _signed_fields(host, pairs, added)
        names = ";".join([name for name, _ in signed])
        lines = "\n".join([f"{name}:{value}" for name, value in signed])
        request = (
            f"{method}\n{self._canonical_path(path)}\n{_canonical_query(query)}\n{lines}\n\n{names}\n"
            f"{sha256(body).hexdigest()}"
        )
        digest = sha256(request.encode("latin-1")).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{self._scope}\n{digest}"
        signature = hmac.digest(self._key, text.encode("ascii"), "sha256").hex()
        value = (
            f"AWS4-HMAC-SHA256 Credential={self._keys.access_key_id}/{self._scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        added.append((b"authorization", value.encode("ascii")))
        return added

    def _begin(self, day: str) -> None:
        """Derive the key of a day, `YYYYMMDD`."""
        key = b"AWS4" + self._keys.secret_access_key.encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = key
        self._scope = f"{day}/{self._region}/{self._service}/aws4_request"
        self._day = day

    def _canonical_path(self, path: str) -> str:
        known = self._paths.get(path)
        if known is None:
            if len(self._paths) >= _PATHS_REMEMBERED:  # names of models come from clients
                self._paths.clear()
            known = self._paths[path] = canonical_path(path)
        return known

    def __repr__(self) -> str:
        return f"AwsSignature({self._keys!r}, {self._region}, {self._service})"


def canonical_path(path: str) -> str:
    """A path without its empty and dot segments, each percent-encoded once more (only S3 does neither)."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment and segment != ".":
            segments.append(segment)
    if not segments:
        return "/"
    end = "/" if path.endswith("/") else ""
    return quote("/" + "/".join(segments) + end, safe="/~")


def _canonical_query(query: str) -> str:
    """Parameters in the order of their encoded names and values; one without a value gets `=`."""
    if not query:
        return ""
    parameters = []
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        parameters.append((_encoded(name), _encoded(value)))
    return "&".join([f"{name}={value}" for name, value in sorted(parameters)])


def _encoded(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe="~", encoding="latin-1")


def _signed_fields(host: str, pairs: HeaderPairs, added: HeaderPairs) -> list[tuple[str, str]]:
    """The fields that a signature covers, sorted; values of one name joined, white space in them squeezed."""
    values: dict[str, str] = {"host": host}
    for name, value in (*pairs, *added):
        if name == b"content-type" or name.startswith(b"x-amz-"):
            key, text = name.decode("ascii"), value.decode("latin-1")
            if "  " in text or "\t" in text:
                text = " ".join(text.split())
            values[key] = f"{values[key]},{text}" if key in values else text
    return sorted(values.items())
