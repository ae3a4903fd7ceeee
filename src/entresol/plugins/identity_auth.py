"""identity-auth: who calls is known by a virtual key, a token of this gateway, or a token of a trusted issuer.

The principal is what everything else goes by. Plugins that know Kong's words see it as a consumer: the one whose id or
username is the account's id, else one that is made for it.
"""

import uuid
from collections.abc import Awaitable
from typing import ClassVar, Final

from entresol.api_floor.entities import Consumer
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.identity_slots import PRINCIPAL
from entresol.api_floor.log_slots import SECRET_NAMES
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import ConfigError
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.plugins.schemas.identity_auth import IdentityAuthConfig

_SCHEMES: Final = (b"bearer ", b"dpop ")
_MAX_CONSUMERS: Final = 10_000
_NAMESPACE: Final = uuid.UUID("6f1f3c66-3c58-4f0c-9d5c-6a7a2f1f8b11")


class IdentityAuth(Plugin[IdentityAuthConfig]):
    """See the module."""

    name = "identity-auth"
    priority: ClassVar[int] = 1240
    config_type = IdentityAuthConfig
    scopes = frozenset(("service", "route"))

    def __init__(self, config: IdentityAuthConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        if context.door is None:
            raise ConfigError("identity_missing", "identity-auth needs a store: set store.url")
        self._authenticate = context.door.authenticate
        self._fields = [name.lower().encode("ascii") for name in config.key_names]
        self._hidden = frozenset(self._fields)
        self._secret_names = frozenset(name.lower() for name in config.key_names)
        self._needed = frozenset(config.scopes)
        self._consumers: dict[tuple[str, str, str], Consumer] = {}
        resource = "" if config.resource is None else f' resource_metadata="{_metadata_url(config.resource)}"'
        self._challenge = f"Bearer{resource}"
        self._no_credential = Deny(401, "no_credential", "no key or token was sent", self._fields_of("", ""))

    def access(self, exchange: Exchange) -> "Deny | Awaitable[Deny | None] | None":
        """Find the key or token, find out whose it is."""
        exchange[SECRET_NAMES] = self._secret_names
        credential = self._credential(exchange)
        if isinstance(credential, Deny):
            return credential
        if self.config.hide_credentials and exchange.upstream is not None:
            headers = exchange.upstream.headers
            headers.pairs = [pair for pair in headers.pairs if pair[0] not in self._hidden]
        found = self._authenticate(Presented(credential, exchange.client_ip))
        if isinstance(found, Principal | Deny):
            return self._decide(exchange, found)
        return self._later(exchange, found)

    async def _later(self, exchange: Exchange, found: "Awaitable[Principal | Deny]") -> Deny | None:
        return self._decide(exchange, await found)

    def _credential(self, exchange: Exchange) -> bytes | Deny:
        """The value of the first field that is sent; sent twice it is nobody's."""
        for field in self._fields:
            values = [value for name, value in exchange.request.headers.pairs if name == field]
            if len(values) > 1:
                return Deny(400, "several_credentials", f"{field.decode()} was sent more than once")
            if values:
                return _without_scheme(values[0]) or self._no_credential
        return self._no_credential

    def _decide(self, exchange: Exchange, found: Principal | Deny) -> Deny | None:
        if isinstance(found, Deny):
            if found.status != 401:
                return found
            return Deny(401, found.code, found.message, self._fields_of("invalid_token", found.message))
        missing = self._needed - found.scopes
        if missing:
            message = f"the key or token lacks {' '.join(sorted(missing))}"
            return Deny(403, "insufficient_scope", message, self._fields_of("insufficient_scope", message))
        exchange[PRINCIPAL] = found
        exchange.consumer = self._consumer_of(found)
        return None

    def _consumer_of(self, principal: Principal) -> Consumer:
        known = self._consumers.get(principal.key)
        if known is None:
            if len(self._consumers) >= _MAX_CONSUMERS:
                self._consumers.clear()
            known = self._consumers[principal.key] = self._found_or_made(principal)
        return known

    def _found_or_made(self, principal: Principal) -> Consumer:
        named = self.context.consumers.by_name(principal.account) if principal.account else None
        if named is not None:
            return named
        name = "\0".join(principal.key)
        return Consumer(id=str(uuid.uuid5(_NAMESPACE, name)), custom_id=principal.account or principal.subject)

    def _fields_of(self, error: str, description: str) -> tuple[tuple[bytes, bytes], ...]:
        """WWW-Authenticate (RFC 6750 §3, RFC 9728 §5.1)."""
        said = self._challenge
        if error:
            comma = "," if "=" in said else ""
            said += f'{comma} error="{error}", error_description="{_quotable(description)}"'
            if error == "insufficient_scope":
                said += f', scope="{" ".join(sorted(self._needed))}"'
        return ((b"www-authenticate", said.encode("latin-1", "replace")),)


def _without_scheme(value: bytes) -> bytes:
    lowered = value[:7].lower()
    for scheme in _SCHEMES:
        if lowered.startswith(scheme):
            return value[len(scheme) :].strip()
    return value


def _metadata_url(resource: str) -> str:
    """Where the resource's metadata is (RFC 9728 §3.1): the well-known part stands between host and path."""
    scheme, _, rest = resource.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}/.well-known/oauth-protected-resource{slash}{path}".rstrip("/")


def _quotable(text: str) -> str:
    return "".join(character if " " <= character <= "~" and character not in '"\\' else "?" for character in text)
