"""What tokens are for: the protected resources of this gateway, their metadata and their challenges.

Every protected route is a resource of its own, with a URL as its identifier. Sources: RFC 8707 (resource indicators),
RFC 9728 (protected resource metadata), RFC 6750 §3, RFC 9449 §7.1 (challenges).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from entresol.identity.oauth.errors import OAuthError

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
MAX_ASKED: Final = 8
_URL: Final = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?(/[^?#\s]*)?", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class ProtectedResource(msgspec.Struct, frozen=True, kw_only=True):
    """One resource."""

    url: str
    """Its identifier: `aud` of the tokens for it."""
    name: str = ""
    """For people, and for `resource_name`."""
    scopes: tuple[str, ...] = ("llm",)
    """What it needs: the scopes of a request that asks for none, and `scopes_supported`."""
    documentation: str = ""
    dpop_required: bool = False


class ProtectedResources:
    """All resources of the gateway, by identifier."""

    def __init__(self, resources: Iterable[ProtectedResource]) -> None:
        self._by_url: dict[str, ProtectedResource] = {}
        for resource in resources:
            url = canonical_url(resource.url)
            if url is None:
                raise ValueError(f"{resource.url!r} is no identifier of a resource")
            if url in self._by_url:
                raise ValueError(f"{resource.url!r} is there twice")
            self._by_url[url] = msgspec.structs.replace(resource, url=url)

    def __iter__(self) -> Iterator[ProtectedResource]:
        return iter(self._by_url.values())

    def get(self, url: str) -> ProtectedResource | None:
        """The resource with this identifier, in any spelling that RFC 3986 §6.2.3 holds to be the same. A slash at the
        end makes no difference unless there are resources with and without it."""
        found = canonical_url(url)
        if found is None:
            return None
        resource = self._by_url.get(found)
        if resource is None:
            resource = self._by_url.get(found[:-1] if found.endswith("/") else f"{found}/")
        return resource

    def asked(self, urls: Sequence[str]) -> tuple[ProtectedResource, ...]:
        """The resources that a request names. Raises OAuthError `invalid_target` (RFC 8707 §2)."""
        if len(urls) > MAX_ASKED:
            raise OAuthError("invalid_target", f"a request may name {MAX_ASKED} resources")
        found: dict[str, ProtectedResource] = {}
        for url in urls:
            resource = self.get(url)
            if resource is None:
                raise OAuthError("invalid_target", "resource is none of this gateway's protected resources")
            found[resource.url] = resource
        return tuple(found.values())

    def scopes_needed(self, asked: Sequence[ProtectedResource]) -> tuple[str, ...]:
        """What a request that asks for no scope is for: what its resources need, or the first of all."""
        resources = asked or tuple(self._by_url.values())[:1]
        return tuple(dict.fromkeys(scope for resource in resources for scope in resource.scopes))

    def at(self, path: str) -> ProtectedResource | None:
        """The resource whose metadata is asked for at the well-known URI with this path behind it; empty for the root.

        The root stands for the resource without a path, or for the only one there is.
        """
        for resource in self._by_url.values():
            if urlsplit(resource.url).path.rstrip("/") == path.rstrip("/"):
                return resource
        return next(iter(self._by_url.values())) if not path.strip("/") and len(self._by_url) == 1 else None


def canonical_url(url: str) -> str | None:
    """The identifier in its one spelling: lower-case host, no default port, no lone slash; None for what is none."""
    parts = _URL.fullmatch(url)
    if parts is None or not url.isascii():
        return None
    scheme, host, port, path = parts[1].lower(), parts[2].lower(), parts[3], parts[4] or ""
    authority = host if port is None or port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
    return f"{scheme}://{authority}" + ("" if path == "/" else path)


def metadata_url(resource: str) -> str:
    """Where the metadata of a resource is: the well-known path goes between host and path (RFC 9728 §3.1)."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"


def resource_metadata(
    resource: ProtectedResource, issuers: Sequence[str], dpop_algorithms: Sequence[str] = ()
) -> dict[str, object]:
    """The document (RFC 9728 §2)."""
    document: dict[str, object] = {
        "resource": resource.url,
        "authorization_servers": list(issuers),
        "scopes_supported": list(resource.scopes),
        "bearer_methods_supported": ["header"],
    }
    if resource.name:
        document["resource_name"] = resource.name
    if resource.documentation:
        document["resource_documentation"] = resource.documentation
    if dpop_algorithms:
        document["dpop_signing_alg_values_supported"] = list(dpop_algorithms)
        document["dpop_bound_access_tokens_required"] = resource.dpop_required
    return document


def challenges(
    resource: ProtectedResource,
    *,
    error: str = "",
    description: str = "",
    scopes: Sequence[str] | None = None,
    dpop_algorithms: Sequence[str] = (),
) -> tuple[str, ...]:
    """The values of WWW-Authenticate, one a field.

    Without `error` for a request that had no token (RFC 6750 §3.1). `scopes`: all that the operation needs, for
    `insufficient_scope`; None: what the resource needs.
    """
    parameters = [("resource_metadata", metadata_url(resource.url))]
    if error:
        parameters.append(("error", error))
        if description:
            parameters.append(("error_description", description))
    wanted = resource.scopes if scopes is None else scopes
    if wanted:
        parameters.append(("scope", " ".join(wanted)))
    shown = ", ".join(f'{name}="{_quotable(value)}"' for name, value in parameters)
    values = [] if resource.dpop_required and dpop_algorithms else [f"Bearer {shown}"]
    if dpop_algorithms:
        values.append(f'DPoP algs="{" ".join(dpop_algorithms)}", {shown}')
    return tuple(values)


def _quotable(value: str) -> str:
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in value)
