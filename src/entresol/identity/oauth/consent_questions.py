"""What a consent page says: who asks, where the answer goes, what for, and what to be careful about."""

from typing import Final, Literal

import msgspec

from entresol.identity.oauth.authorize import Pending
from entresol.identity.oauth.redirects import Destination, destination
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.scopes import Scope, in_words

Warning = Literal["loopback", "private-use", "international-host", "self-registered", "unknown-domain", "sensitive"]

WARNINGS: Final[dict[Warning, str]] = {
    "loopback": "The answer goes to a program on your own device. Go on only if you have just started it yourself.",
    "private-use": "The answer goes to an app on your own device. Go on only if you have just started it yourself.",
    "international-host": "The address has characters that can look like others. Make sure it is the one you mean.",
    "self-registered": "This client registered itself under a name of its own choice; nobody here has checked it.",
    "unknown-domain": "Nobody here knows the site that this client says it comes from.",
    "sensitive": "It asks for an administrator's rights.",
}


class ConsentQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one user."""

    handle: str
    """For the form's field `request`."""
    client_id: str
    client_name: str
    client_uri: str
    """A page about the client; empty, or https and on the client's own site."""
    client_host: str
    """The site that a client's metadata document comes from, else empty. It is proven; the name is not."""
    to: Destination
    redirect_uri: str
    scopes: tuple[Scope, ...]
    resources: tuple[str, ...]
    """Names of what the tokens are for."""
    warnings: tuple[Warning, ...]
    """Keys of WARNINGS."""


def consent_question(waiting: Pending, resources: ProtectedResources, *, is_known_domain: bool) -> ConsentQuestion:
    """The question for a request. `is_known_domain`: whether the domain of a metadata client is trusted here."""
    request, client = waiting.request, waiting.client
    to = destination(request.redirect_uri)
    scopes = in_words(request.scopes)
    is_metadata = client.source == "metadata"
    cautions: tuple[tuple[bool, Warning], ...] = (
        (to.kind == "loopback", "loopback"),
        (to.kind == "private-use", "private-use"),
        (to.is_international or "xn--" in client.id, "international-host"),
        (client.source == "registered", "self-registered"),
        (is_metadata and not is_known_domain, "unknown-domain"),
        (any(scope.is_sensitive for scope in scopes), "sensitive"),
    )
    named = [(url, resources.get(url)) for url in request.resources]
    return ConsentQuestion(
        handle=waiting.handle,
        client_id=client.id,
        client_name=client.name,
        client_uri=client.client_uri,
        client_host=destination(client.id).host if is_metadata else "",
        to=to,
        redirect_uri=request.redirect_uri,
        scopes=scopes,
        resources=tuple((resource.name if resource is not None else "") or url for url, resource in named),
        warnings=tuple(warning for applies, warning in cautions if applies),
    )
