"""The seam of providers: where a model is served, in which wire formats, how to authenticate. One provider a file.

Registered under `entresol.providers`. What differs between models and servers that speak one wire format is in the
`Profile` a provider gives out.
"""

import re
from collections.abc import Mapping
from typing import ClassVar, Final, Literal
from urllib.parse import quote, unquote_plus, urlsplit

import msgspec

from entresol.core.errors import ClientError, ConfigError
from entresol.llm.format import Fields, Operation
from entresol.llm.model_config import ModelOptions
from entresol.llm.profile import Profile

HeaderFields = tuple[tuple[bytes, bytes], ...]


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
    base_url: Url | None = None
    """None: there is no default, the operator names one (`upstream_url`)."""
    auth: Auth
    formats: Mapping[Operation, str]
    """The wire format that calls of an operation are translated to, per operation it has."""
    paths: Mapping[str, str]
    """Every wire format it speaks, and where. `{model}` stands for the model's name, percent-encoded."""
    version_path: str = "/v1"
    """How its paths begin, up to the version of the API; an address may end there (`url`)."""
    version_headers: Mapping[str, tuple[bytes, str]] = {}
    """By wire format, a header that every call must carry, and its default value; a client's own wins."""
    needs: str = "'model.options.upstream_url'"
    """What an operator has to say where it has no address."""
    fields: HeaderFields = ()
    """More header fields of every call."""
    lacks_place: bool = False
    """Its paths lack what `needs` names, so that only an address with a path does without."""
    sets_fields: bool = False
    """Whether `set_fields` does anything."""

    def configured(self, options: ModelOptions) -> "Provider":
        """This provider as an operator's options make it. Raises ConfigError for options that lack something."""
        return self

    def format_name(self, operation: Operation, client: str = "", model: str = "") -> str:
        """The format to speak to it for a client that speaks `client`: the same, where it can.

        Raises ConfigError for an operation it does not have.
        """
        if client in self.paths:
            return client
        name = self.formats.get(operation)
        if name is None:
            known = ", ".join(self.formats)
            raise ConfigError("unsupported_operation", f"provider {self.name} has no {operation}, only: {known}")
        return name

    def fields_of(self, wire: str) -> HeaderFields:
        """More header fields of the calls in one of its wire formats."""
        return self.fields

    def own_query(self, wire: str) -> str:
        """What the query of every call in one of its wire formats holds, unless the operator's URL, or a client that
        speaks the format, says it."""
        return ""

    def passed_query(self, wire: str, query: str) -> str:
        """What of the query of a client that speaks the wire format may go along."""
        return query

    def set_fields(self, wire: str, model: str, fields: Fields) -> None:
        """Put into the top level of a body, in one of its wire formats, what the operator's options say of every
        call. It wins over what is there."""

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        """Path and query of calls in one of its wire formats."""
        return self.paths[wire].replace("{model}", quote(model, safe="")), ""

    def profile(self, model: str, version: str = "") -> Profile:
        """Facts about a model here, in a version of the API (`version_headers`); empty is the default one."""
        return Profile(provider=self.name)

    def url(self, wire: str, model: str, stream: bool, override: Url | None, client_query: str | None = None) -> Url:
        """Where a call in one of its wire formats goes. `client_query` goes along instead of the provider's own, where
        the client speaks that format.

        An override with a path is the whole address; one without gets the provider's path. One whose path ends in the
        API's version, such as `/openai/v1`, is a base: the rest is added. What an override says in its query, nobody
        else says.
        """
        base = self.base_url if override is None else override
        if base is None:
            raise ConfigError("upstream_url_missing", f"provider {self.name} has no address of its own")
        path, query = self.endpoint(wire, model, stream)
        if client_query is not None:
            query = self.passed_query(wire, client_query)
        if self.is_whole(base):
            path, query = base.path, query if client_query is not None else ""
        elif base.path.rstrip("/") and path.startswith(self.version_path):
            path = base.path.rstrip("/") + path[len(self.version_path) :]
        return Url(base.scheme, base.host, base.port, path, joined(joined(base.query, query), self.own_query(wire)))

    def wires_at(self, path: str) -> list[str]:
        """The wire formats that are spoken at such a path, by how it ends; the longest ends only, there may be none."""
        ends = {wire: own.removeprefix(self.version_path).rpartition("{model}")[2] for wire, own in self.paths.items()}
        found = {wire: len(end) for wire, end in ends.items() if end and path.rstrip("/").endswith(end)}
        return [wire for wire, size in found.items() if size == max(found.values())]

    def is_whole(self, address: Url) -> bool:
        """Whether an operator's address is that of the calls itself, and no base that paths are added to."""
        given, version = address.path.rstrip("/"), self.version_path
        if not given:
            return False
        last = given[given.rindex("/") :]
        return not version or (last != version[version.rindex("/") :] and _VERSION.fullmatch(last) is None)


_VERSION: Final = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?")


def joined(first: str, second: str) -> str:
    """Two queries as one, in which the second says nothing that the first does."""
    if not first or not second:
        return first or second
    said = {_name(pair) for pair in first.split("&")}
    return "&".join([first, *[pair for pair in second.split("&") if _name(pair) not in said]])


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def parse_url(text: str) -> Url:
    """An `http` or `https` URL taken apart. Raises ValueError with what is wrong; the text may come from a client."""
    if any(ord(character) <= 32 or ord(character) > 126 for character in text):
        raise ValueError("holds white space or characters that are not ASCII")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must start with http:// or https:// and name a host")
    if parts.port == 0:
        raise ValueError("must not name port 0")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Url(scheme, parts.hostname, parts.port or (443 if scheme == "https" else 80), parts.path, parts.query)


def check_model_name(model: str) -> str:
    """The name, if it may go into a URL and a header. Raises ClientError `bad_request`."""
    if not model or len(model) > 256 or not model.isprintable() or not model.isascii() or model in (".", ".."):
        raise ClientError("bad_request", "model: expected a name of 1 to 256 printable ASCII characters")
    return model
