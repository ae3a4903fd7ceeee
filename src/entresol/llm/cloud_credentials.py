"""The seam of credentials that clouds give out for a while: signed AWS requests, Google and Azure tokens.

Whoever calls a model asks for a source once, when it is built, and for the credential at every call, in this order:

    source = context.credentials.source(auth, options, provider)   # None: the auth block says it all
    credential = source.current()  # from memory; None: there is none that can be used
    if credential is None:
        credential = await source.fetch()  # raises UpstreamError provider_credential_unavailable
    pairs = credential.apply("POST", host, target, pairs, body, clock.now())   # last: nothing may change any more

A credential that was used once is not kept: `current` gives out the next one as soon as there is one.
"""

from collections.abc import Awaitable
from typing import Final, Protocol

from entresol.core.http import HeaderPairs
from entresol.llm.model_config import AuthConfig, ModelOptions

OTHER_CREDENTIALS: Final = frozenset((b"authorization", b"x-api-key", b"api-key", b"apikey", b"x-goog-api-key"))
"""Fields that would compete with a cloud's credential."""


class CloudCredential(Protocol):
    """What proves to a cloud who is calling: a token, or a key that requests are signed with. Never changed."""

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What of it must never be shown to anybody."""

    def apply(self, method: str, host: str, target: str, pairs: HeaderPairs, body: bytes, now: float) -> HeaderPairs:
        """The fields of a request that carries it: `pairs` without any other credential, and its own.

        `host` is the Host field, `target` path and query as they are sent, `body` the whole body, `now` seconds since
        the epoch. A signature covers them all, so they must not change after this.
        """


class BearerToken:
    """A token in the `Authorization` field (`CloudCredential`, RFC 6750 §2.1)."""

    __slots__ = ("_fields", "secrets")

    def __init__(self, token: str, fields: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """`fields` go with the token, such as the project that pays. Raises ValueError for what is no field value."""
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("the token is empty or holds what cannot stand in a header field")
        value = token.encode("ascii")
        self.secrets: tuple[bytes, ...] = (value,)
        self._fields = (*fields, (b"authorization", b"Bearer " + value))

    def apply(self, method: str, host: str, target: str, pairs: HeaderPairs, body: bytes, now: float) -> HeaderPairs:
        """See `CloudCredential`."""
        names = OTHER_CREDENTIALS.union([name for name, _ in self._fields])
        return [pair for pair in pairs if pair[0] not in names] + [*self._fields]

    def __repr__(self) -> str:
        return "BearerToken(***)"


class CredentialSource(Protocol):
    """Where the credential of one model comes from. Shared by all its calls; used on the event loop's thread."""

    def current(self) -> CloudCredential | None:
        """The credential, if there is one in memory that lasts for a call. Renews it in time, in the background."""

    def fetch(self) -> Awaitable[CloudCredential]:
        """Wait for the credential; any number of waiters share one fetch.

        Raises UpstreamError `provider_credential_unavailable`, at once while a failure is recent.
        """


class CloudCredentials(Protocol):
    """What the gateway knows of clouds."""

    def completed(self, auth: AuthConfig, options: ModelOptions, provider: str) -> ModelOptions:
        """The options, with what the environment says where they say nothing: `bedrock.aws_region` and, for Vertex AI,
        `gemini.project_id` and `gemini.location_id`."""

    def source(self, auth: AuthConfig, options: ModelOptions, provider: str) -> CredentialSource | None:
        """The source for a model. None: it needs no credential of a cloud, or `auth` names a header or parameter.

        Does not wait for anything. Raises ConfigError where the configuration can never work.
        """


class NoClouds:
    """A gateway that knows no clouds (`CloudCredentials`)."""

    def completed(self, auth: AuthConfig, options: ModelOptions, provider: str) -> ModelOptions:
        return options

    def source(self, auth: AuthConfig, options: ModelOptions, provider: str) -> CredentialSource | None:
        return None


NO_CLOUDS: Final[CloudCredentials] = NoClouds()
