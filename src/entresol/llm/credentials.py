"""The provider's credential: put into the call, and the client's own kept out of it.

A client's `Authorization` is for the gateway. It goes to the provider only where the operator says so: no credential
is configured (the client brings its own), or `allow_override` is on.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote_plus

from entresol.core.errors import ConfigError, UpstreamError
from entresol.core.http import HeaderPairs
from entresol.core.secret import Secret
from entresol.llm.format import encode_json, raw_json, read_fields
from entresol.llm.model_config import AuthConfig

_FIELDS: Final = frozenset(
    (
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"apikey",
        b"x-goog-api-key",
        b"ocp-apim-subscription-key",
        b"x-amz-security-token",  # it, and what follows, belong to the signature in `Authorization`
        b"x-amz-date",
        b"x-amz-content-sha256",
    )
)
_PARAMETERS: Final = frozenset(("key", "api-key", "apikey", "api_key", "access_token"))
_SECRET_PARAMETERS: Final = _PARAMETERS | {"code", "sig", "signature", "token"}
"""Those of a provider's address whose values are hidden like a credential."""
_NEVER_SENT: Final = frozenset(
    (
        b"content-type",
        b"accept-encoding",
        b"cookie",
        b"x-real-ip",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-path",
        b"x-forwarded-prefix",
        b"x-consumer-id",
        b"x-consumer-custom-id",
        b"x-consumer-username",
        b"x-consumer-groups",
        b"x-credential-identifier",
        b"x-anonymous-consumer",
        b"x-authenticated-groups",
        # the same in the words of what may stand in front of us
        b"forwarded",
        b"origin",
        b"referer",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-original-forwarded-for",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"fastly-client-ip",
        b"x-azure-clientip",
        b"x-forwarded-user",
        b"x-forwarded-email",
        b"x-forwarded-groups",
        b"x-forwarded-preferred-username",
        b"x-forwarded-access-token",
        b"x-auth-request-user",
        b"x-auth-request-email",
        b"x-auth-request-groups",
        b"x-auth-request-preferred-username",
        b"x-auth-request-access-token",
        b"x-remote-user",
        b"remote-user",
        b"x-userinfo",
        b"x-id-token",
        b"x-access-token",
        b"cf-access-jwt-assertion",
        b"x-goog-iap-jwt-assertion",
        b"x-goog-authenticated-user-email",
        b"x-goog-authenticated-user-id",
        b"x-ms-client-principal",
        b"x-ms-client-principal-id",
        b"x-ms-client-principal-name",
        b"x-ms-token-aad-access-token",
        b"x-ms-token-aad-id-token",
        b"x-amzn-oidc-data",
        b"x-amzn-oidc-identity",
        b"x-amzn-oidc-accesstoken",
    )
)
"""Ours to write, or nobody's business there: whom we serve, and where."""
_VENDOR_FIELDS: Final = (b"anthropic-", b"openai-", b"x-goog-", b"x-stainless-", b"x-amz", b"amz-sdk-", b"accept")
"""Fields that mean something to one vendor, and nothing (or an error) to another; and what clients of its wire take."""

_UNWRITABLE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_SHORTEST: Final = 8
"""Bytes of a secret that is hidden. Shorter ones might be any word of an answer."""

Field = tuple[bytes, bytes]


class Credential:
    """What a model's `auth` block says, ready to be used, and what its `upstream_url` holds that must not be shown."""

    secrets: tuple[bytes, ...] = ()
    """What must never be shown to a client."""

    def __init__(self, auth: AuthConfig, upstream_url: str | None = None, has_cloud: bool = False) -> None:
        """`has_cloud`: a cloud's credential is put into each call besides (`cloud_credentials`)."""
        self.fault: ConfigError | None = None
        """Why calls cannot be made: a secret that has no value. The gateway starts without it, and says so per call."""
        self._override = auth.allow_override
        self._field = self._read_field(auth)
        self._parameter = self._read_parameter(auth)
        self._in_body = auth.param_location == "body"
        self._is_set = has_cloud or self._field is not None or self._parameter is not None
        self._kept_out = _NEVER_SENT | _FIELDS if self._is_set else _NEVER_SENT
        if self._field is not None:
            self._kept_out |= {self._field[0]}
        self._latest_own: Sequence[Field] = ()  # most calls of a route have the same
        self._kept_out_beside = self._kept_out
        self._hide_query((upstream_url or "").partition("?")[2])
        self._lasting_secrets = self.secrets
        self._passing_secrets: tuple[bytes, ...] = ()

    @property
    def is_set(self) -> bool:
        """The gateway has one. Without, clients bring their own."""
        return self._is_set

    def hide_also(self, secrets: tuple[bytes, ...]) -> None:
        """Hide what a cloud gave out for a while; what it gave out before that is hidden as well."""
        if secrets is not self._passing_secrets:
            self.secrets = self._lasting_secrets + self._passing_secrets + secrets
            self._passing_secrets = secrets

    def _read_field(self, auth: AuthConfig) -> Field | None:
        if auth.header_name is None or auth.header_value is None:
            return None
        value = self._revealed(auth.header_value)
        if value is None:
            return None
        if _UNWRITABLE.search(value) is not None:
            message = "auth.header_value holds what no header field can, such as a line break; look at how it is stored"
            self.fault = self.fault or ConfigError("secret_unusable", message, status=503)
            return None
        self._hide(value.rpartition(" ")[2].encode("latin-1"))
        return auth.header_name.lower().encode("ascii"), value.encode("latin-1")

    def _read_parameter(self, auth: AuthConfig) -> tuple[str, str] | None:
        if auth.param_name is None or auth.param_value is None:
            return None
        value = self._revealed(auth.param_value)
        if value is None:
            return None
        self._hide(value.encode())
        return auth.param_name, value

    def _revealed(self, secret: Secret) -> str | None:
        try:
            return secret.reveal().strip()  # files and variables end in line breaks
        except ConfigError as fault:
            if self.fault is None:
                self.fault = fault
            return None

    def _hide_query(self, query: str) -> None:
        for piece in query.partition("#")[0].split("&"):
            name, _, value = piece.partition("=")
            if unquote_plus(name).lower() in _SECRET_PARAMETERS and "$(" not in value:
                self._hide(value.encode())
                if unquote_plus(value) != value:
                    self._hide(unquote_plus(value).encode())

    def _hide(self, secret: bytes) -> None:
        if len(secret) >= _SHORTEST:
            self.secrets += (secret,)

    def header_fields(self, client: HeaderPairs, own: Sequence[Field], is_same_format: bool) -> HeaderPairs:
        """The fields of the call: the client's that may go along, `own`, and the credential."""
        kept_out = self._kept_out
        if len(own) > 2:  # more than those of every call, which are kept out anyway
            if own is not self._latest_own:
                self._latest_own, self._kept_out_beside = own, kept_out.union([name for name, _ in own])
            kept_out = self._kept_out_beside
        field = self._field
        if self._override and field is not None and any(name == field[0] for name, _ in client):
            kept_out = kept_out - {field[0]}
            field = None
        if is_same_format:
            pairs = [pair for pair in client if pair[0] not in kept_out]
        else:
            pairs = [pair for pair in client if pair[0] not in kept_out and not pair[0].startswith(_VENDOR_FIELDS)]
        pairs.extend(own)
        if field is not None:
            pairs.append(field)
        return pairs

    def client_query(self, query: str) -> str:
        """The client's query without what may be a credential of the gateway."""
        if not query or not self._is_set:
            return query
        name = None if self._parameter is None else self._parameter[0]
        kept_out = _PARAMETERS if name is None else _PARAMETERS | {name.lower()}
        if self._override and name is not None:
            kept_out -= {name.lower()}
        return "&".join([pair for pair in query.split("&") if _name(pair).lower() not in kept_out])

    def query(self, query: str) -> str:
        """The call's query with the credential."""
        if self._parameter is None or self._in_body:
            return query
        name, value = self._parameter
        if self._override and any(_name(pair) == name for pair in query.split("&")):
            return query
        pair = _pair(name, value)
        return f"{query}&{pair}" if query else pair

    def body(self, body: bytes) -> bytes:
        """The call's body with the credential."""
        if self._parameter is None or not self._in_body:
            return body
        name, value = self._parameter
        fields = read_fields(body)
        if not (self._override and name in fields):
            fields[name] = raw_json(value)
        return encode_json(fields)

    def is_in(self, fields: HeaderPairs, query: str, body: bytes) -> bool:
        """Whether a call that was made carries it, and not (only) one of the client's."""
        if self._field is not None and self._field in fields:
            return True
        if self._parameter is None:
            return False
        name, value = self._parameter
        if self._in_body:
            return read_fields(body).get(name) == raw_json(value)
        return _pair(name, value) in query.split("&")

    def hidden_in(self, text: bytes) -> bytes:
        """A provider's words without the credential, which some error messages repeat.

        One that a stream's pieces cut in two is not found: that takes a `hider`.
        """
        for secret in self.secrets:
            text = text.replace(secret, b"***")
        return text

    def hider(self) -> "Hider":
        """For words that come in pieces and are kept in one."""
        return Hider(self)

    def hidden_in_error(self, error: UpstreamError) -> UpstreamError:
        """A fault that repeats a provider's words, without the credential."""
        error.message = self.hidden_in(error.message.encode()).decode()
        return error


class Hider:
    """Words in pieces, without the credential: also where one piece begins it and the next goes on."""

    __slots__ = ("_credential", "_held")

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What of the words so far can be told. The end of a piece waits if the credential might begin there."""
        text = self._credential.hidden_in(self._held + data)
        size = max([_size_of_start(secret, text) for secret in self._credential.secrets], default=0)
        self._held = text[len(text) - size :]
        return text[: len(text) - size]

    def rest(self) -> bytes:
        """What waits when nothing more comes: so much of the credential that it says something is hidden as well."""
        held, self._held = self._held, b""
        return held if len(held) < _SHORTEST else b"***"


def _size_of_start(secret: bytes, text: bytes) -> int:
    """How many bytes at the end of a text may be the start of a secret."""
    for size in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:size]):
            return size
    return 0


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _pair(name: str, value: str) -> str:
    return f"{quote(name, safe='')}={quote(value, safe='')}"
