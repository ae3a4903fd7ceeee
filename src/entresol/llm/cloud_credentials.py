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
