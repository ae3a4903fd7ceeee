"""What an issuer says of itself: where its keys and endpoints are.

Sources: OpenID Connect Discovery 1.0 §4, RFC 8414 §3 (the well-known name stands between host and path) and §3.3
(the document's issuer is exactly the one asked for, or it is somebody else's).
"""

from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps
from entresol.identity.jwt_parsing import MalformedToken, read_object

MAX_METADATA_BYTES: Final = 131_072


class IssuerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The document, once it is known to be the issuer's own."""

    issuer: str
    jwks_uri: str = ""
    fields: dict[str, Any] = {}

    def text(self, name: str) -> str:
        """A field that is text; empty without one."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the document may be, in the order in which to ask."""
    base = issuer.rstrip("/")
    parts = urlsplit(base)
    host = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{base}/.well-known/openid-configuration",
        f"{host}/.well-known/oauth-authorization-server{parts.path}",
    )


def origin_of(url: str, issuer: str) -> Literal["outside", "configured"]:
    """Whether an issuer's document names a place at the issuer itself, which an administrator has configured."""
    there, here = urlsplit(url), urlsplit(issuer)
    return "configured" if (there.scheme, there.netloc) == (here.scheme, here.netloc) else "outside"


def discover(issuer: str, names_itself: str = "") -> Steps[IssuerMetadata]:
    """Ask for it. `names_itself`: what its document says it is, where that is not the configured URL (Entra ID for
    several tenants). Raises FetchFailed, which says what each place answered."""
    faults: list[str] = []
    for url in metadata_urls(issuer):
        try:
            answer = yield FetchRequest(
                url=url,
                headers=(("accept", "application/json"),),
                origin="configured",
                max_bytes=MAX_METADATA_BYTES,
            )
            return _read(url, answer, names_itself or issuer)
        except FetchFailed as fault:
            faults.append(fault.message)
    raise FetchFailed(issuer, "; ".join(faults))


def _read(url: str, answer: FetchResponse, issuer: str) -> IssuerMetadata:
    if answer.status != 200:
        raise FetchFailed(url, f"answered {answer.status}")
    try:
        fields = read_object(answer.body, "metadata")
    except MalformedToken:
        raise FetchFailed(url, "answered with no JSON object") from None
    if fields.get("issuer") != issuer:
        raise FetchFailed(url, f"is the document of another issuer than {issuer}")
    jwks_uri = fields.get("jwks_uri")
    return IssuerMetadata(issuer=issuer, jwks_uri=jwks_uri if isinstance(jwks_uri, str) else "", fields=fields)
