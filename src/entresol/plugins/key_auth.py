"""key-auth: who calls is known by an API key in a header, the query or the body. Kong's fields and answers.

A key is looked up by its SHA-256, never compared as text. Clients that can only send `Authorization: Bearer KEY`
(the OpenAI SDKs) are served by `key_names: [authorization]`: the scheme is not part of the key.
"""

from hashlib import sha256
from typing import Any, ClassVar, Final

from entresol.api_floor.entities import Consumer, Credential
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_slots import ALWAYS_SECRET, SECRET_NAMES
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.decision import Deny
from entresol.core.http import HeaderPairs, RequestHead, UpstreamRequest
from entresol.plugins.schemas.key_auth import KeyAuthConfig
from entresol.policy.request_fields import body_values, body_without, query_values, without_parameters

_CREDENTIALS: Final = "keyauth_credentials"
_BEARER_FIELDS: Final = frozenset((b"authorization", b"proxy-authorization"))
_NO_KEY: Final = "No API key found in request"
_DUPLICATE: Final = "Duplicate API key found"


class KeyAuth(Plugin[KeyAuthConfig]):
    """See the module."""

    name = "key-auth"
    priority: ClassVar[int] = 1250
    config_type = KeyAuthConfig
    scopes = frozenset(("service", "route"))

    def __init__(self, config: KeyAuthConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self.needs_body = config.key_in_body
        self._in_header = config.key_in_header
        self._in_query = config.key_in_query
        self._names = [(name, name.lower().encode("ascii")) for name in config.key_names]
        self._query_names = frozenset(config.key_names)
        self._hidden_fields = frozenset(field for _, field in self._names)
        self._secret_names = frozenset(name.lower() for name in config.key_names)
        self._is_secret_to_say = not self._secret_names <= ALWAYS_SECRET
        self._skips_preflight = not config.run_on_preflight
        self._hides = config.hide_credentials
        self._anonymous = config.anonymous
        is_plain = len(self._names) == 1 and config.key_in_header and not config.key_in_body
        self._only_field = self._names[0][1] if is_plain else None
        self._is_bearer = self._only_field in _BEARER_FIELDS
        self._by_credential = context.consumers.by_credential
        self._who: dict[str, tuple[Credential, HeaderPairs]] = {}
        challenge = b"Key" if config.realm is None else b'Key realm="%b"' % _quoted(config.realm)
        headers = ((b"www-authenticate", challenge),)
        self._no_key = Deny(401, "no_api_key", _NO_KEY, headers)
        self._duplicate = Deny(401, "duplicate_api_key", _DUPLICATE, headers)
        self._unknown = Deny(401, "invalid_api_key", "Unauthorized", headers)
        self._expired = Deny(401, "credential_expired", "Unauthorized: this API key has expired", headers)

    @property
    def body_limit(self) -> int | None:
        """As configured: what is held back for a client that nobody knows yet must not be the server's whole limit."""
        return self.config.max_request_body_size or None

    def access(self, exchange: Exchange) -> Deny | None:
        """Find the key, find who holds it, tell the upstream who it is."""
        if self._skips_preflight and exchange.request.method == "OPTIONS":
            return None
        if self._is_secret_to_say:
            exchange[SECRET_NAMES] = self._secret_names
        anonymous = self._anonymous
        if anonymous is not None and exchange.credential is not None:
            return None  # another authentication plugin was content; with `anonymous` one is enough
        upstream = exchange.upstream
        refusal: Deny | None = None
        digest = self._take_only_key(exchange.request, upstream)
        if digest is None:
            key = self._find_key(exchange)
            if upstream is not None and self._hides:
                self._hide(exchange, upstream)
            if isinstance(key, Deny):
                refusal = key
            else:
                digest = sha256(key).digest()
        if digest is not None:
            refusal = self._identify(exchange, digest, upstream)
        return refusal if refusal is None or anonymous is None else self._go_on_as(anonymous, exchange)

    def _take_only_key(self, request: RequestHead, upstream: UpstreamRequest | None) -> bytes | None:
        """The digest of nearly every request's key: sent once, in the one field it may be in. None: look thoroughly."""
        field = self._only_field
        if field is None or request.query:
            return None
        sent = None
        for pair in request.headers.pairs:
            if pair[0] == field:
                if sent is not None:
                    return None
                sent = pair
        if sent is None:
            return None
        if upstream is not None and self._hides:
            try:
                upstream.headers.pairs.remove(sent)
            except ValueError:
                return None  # another plugin has been there
        return self._digest_of(request, sent[1])

    def _digest_of(self, request: RequestHead, value: bytes) -> bytes | None:
        """The digest of the key in a field's value, None if there is no key. A head that comes again is remembered."""
        known = request.known
        seen = None if known is None else known.credential
        if isinstance(seen, _SeenKey) and seen.value is value:
            return seen.digest
        key = _without_scheme(value) if self._is_bearer else value
        if not key:
            return None
        digest = sha256(key).digest()
        if known is not None:
            known.credential = _SeenKey(value, digest)
        return digest

    def _identify(self, exchange: Exchange, digest: bytes, upstream: UpstreamRequest | None) -> Deny | None:
        found = self._by_credential(_CREDENTIALS, digest)
        if found is None:
            return self._expired if self.context.consumers.has_expired(_CREDENTIALS, digest) else self._unknown
        consumer, credential = found
        exchange.consumer = consumer
        exchange.credential = credential
        if upstream is not None:
            known = self._who.get(credential.id)
            if known is None or known[0] is not credential:
                known = self._who[credential.id] = credential, _identity_fields(consumer, credential)
            upstream.headers.pairs += known[1]
        return None

    def _find_key(self, exchange: Exchange) -> bytes | Deny:
        """The first name that is sent counts: in the header, else the query, else the body."""
        request = exchange.request
        for name, field in self._names:
            values: list[bytes] = []
            if self._in_header:
                values = [value for key, value in request.headers.pairs if key == field]
            if not values and self._in_query and request.query:
                values = [value.encode("utf-8", "surrogateescape") for value in query_values(request.query, name)]
            elif values and field in _BEARER_FIELDS:
                values = [_without_scheme(value) for value in values]
            if not values and self.needs_body and exchange.body:
                content_type = (request.headers.get(b"content-type") or b"").decode("latin-1")
                values = [value.encode() for value in body_values(content_type, exchange.body, name)]
            if values:
                return self._duplicate if len(values) > 1 else values[0] or self._no_key
        return self._no_key

    def _hide(self, exchange: Exchange, upstream: UpstreamRequest) -> None:
        """Every key name is taken out wherever a key may be: a second copy is as secret as the one that counted."""
        if self._in_header:
            hidden = self._hidden_fields
            upstream.headers.pairs = [pair for pair in upstream.headers.pairs if pair[0] not in hidden]
        if self._in_query and exchange.request.query:
            path, _, query = upstream.target.partition("?")
            query = without_parameters(query, self._query_names)
            upstream.target = f"{path}?{query}" if query else path
        if self.needs_body and exchange.body:
            content_type = (exchange.request.headers.get(b"content-type") or b"").decode("latin-1")
            exchange.body = body_without(content_type, exchange.body, self._query_names)

    def _go_on_as(self, anonymous: str, exchange: Exchange) -> Deny | None:
        consumer = self.context.consumers.by_name(anonymous)
        if consumer is None:
            message = f"anonymous consumer {anonymous} is configured but doesn't exist"
            return Deny(500, "anonymous_consumer_missing", message)
        exchange.consumer = consumer
        exchange.credential = None
        if exchange.upstream is not None:
            exchange.upstream.headers.pairs += _identity_fields(consumer, None)
        return None


class _SeenKey:
    """The digest of a field's value in a head that its connection repeats. Who holds the key is asked each time."""

    __slots__ = ("digest", "value")

    def __init__(self, value: bytes, digest: bytes) -> None:
        self.value = value
        self.digest = digest


def _without_scheme(value: bytes) -> bytes:
    """The token of `Bearer TOKEN` (RFC 6750 §2.1); any other value is a key as it stands."""
    return value[7:].strip() if value[:7].lower() == b"bearer " else value


def _identity_fields(consumer: Consumer, credential: Credential | None) -> HeaderPairs:
    fields: list[tuple[bytes, Any]] = [
        (b"x-consumer-id", consumer.id),
        (b"x-consumer-custom-id", consumer.custom_id),
        (b"x-consumer-username", consumer.username),
        (b"x-credential-identifier", None if credential is None else credential.id),
        (b"x-anonymous-consumer", "true" if credential is None else None),
    ]
    return [(name, _field_value(value)) for name, value in fields if value is not None]


def _field_value(text: str) -> bytes:
    """Text as a field value: UTF-8, without the characters that would end the field."""
    return text.encode("utf-8", "replace").translate(None, b"\r\n\0")


def _quoted(text: str) -> bytes:
    """What may stand between the quotes of a quoted-string (RFC 9110 §5.6.4)."""
    return _field_value(text).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
