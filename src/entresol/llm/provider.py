"""The seam of providers: where a model is served, in which wire formats, how to authenticate. One provider a file.

Registered under `entresol.providers`. What differs between models and servers that speak one wire format is in the
`Profile` a provider gives out.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal
from urllib.parse import quote, urlsplit

import msgspec

from entresol.core.errors import ClientError, ConfigError
from entresol.llm.format import Operation, Profile


class Url(msgspec.Struct, frozen=True):
    """A provider's address, taken apart."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str = ""
    """Percent-encoded; empty when the URL says none."""
    query: str = ""


class Auth(msgspec.Struct, frozen=True):
    """Where a provider wants its API key."""

    header: bytes
    """Lower-case."""
    prefix: str = ""
    """What stands before the key, such as `Bearer `."""
    query_parameter: str | None = None
    """Where it takes a key as well."""


class Provider:
    """A model provider. Subclasses are data; one instance serves all calls."""

    name: ClassVar[str]
    base_url: ClassVar[Url | None] = None
    """None: there is no default, the operator names one (`upstream_url`)."""
    auth: ClassVar[Auth]
    formats: ClassVar[Mapping[Operation, str]]
    """The wire format it speaks natively, per operation it has."""
    paths: ClassVar[Mapping[Operation, str]]
    """`{model}` stands for the model's name, percent-encoded."""
    version_header: ClassVar[tuple[bytes, str] | None] = None
    """A header every call must carry, and its default value."""

    def format_name(self, operation: Operation) -> str:
        """Its native format. Raises ConfigError for an operation it does not have."""
        name = self.formats.get(operation)
        if name is None:
            known = ", ".join(self.formats)
            raise ConfigError("unsupported_operation", f"provider {self.name} has no {operation}, only: {known}")
        return name

    def endpoint(self, operation: Operation, model: str, stream: bool) -> tuple[str, str]:
        """Path and query of an operation at this provider."""
        return self.paths[operation].replace("{model}", quote(model, safe="")), ""

    def profile(self, model: str, version: str = "") -> Profile:
        """Facts about a model here, in a version of the API (`version_header`); empty is the default one."""
        return Profile(provider=self.name)

    def url(
        self, operation: Operation, model: str, stream: bool, override: Url | None, client_query: str | None = None
    ) -> Url:
        """Where a call goes. `client_query` goes along instead of the provider's own, where the client speaks to it.

        An override with a path is the whole address; one without gets the provider's path. One whose path ends in the
        API's version, such as `/openai/v1`, is a base: the rest is added.
        """
        base = self.base_url if override is None else override
        if base is None:
            raise ConfigError("upstream_url_missing", f"provider {self.name} has no address of its own")
        path, query = self.endpoint(operation, model, stream)
        if client_query is not None:
            query = client_query
        given = base.path.rstrip("/")
        if given:
            version = path[: path.find("/", 1)]
            if not given.endswith(version):
                return Url(base.scheme, base.host, base.port, base.path, _joined(base.query, client_query))
            path = given + path[len(version) :]
        return Url(base.scheme, base.host, base.port, path, _joined(base.query, query))


def _joined(first: str, second: str | None) -> str:
    return f"{first}&{second}" if first and second else first or second or ""


def parse_url(text: str) -> Url:
    """An `http` or `https` URL taken apart. Raises ValueError with what is wrong; the text may come from a client."""
    if any(ord(character) <= 32 or ord(character) > 126 for character in text):
        raise ValueError("holds white space or characters that are not ASCII")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must start with http:// or https:// and name a host")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Url(scheme, parts.hostname, parts.port or (443 if scheme == "https" else 80), parts.path, parts.query)


def check_model_name(model: str) -> str:
    """The name, if it may go into a URL and a header. Raises ClientError `bad_request`."""
    if not model or len(model) > 256 or not model.isprintable() or not model.isascii():
        raise ClientError("bad_request", "model: expected a name of 1 to 256 printable ASCII characters")
    return model
