"""What answers at the identity listeners: the authorization server, and the Admin API below it."""

from collections.abc import Callable

from starlette.routing import Mount

from entresol.admin.app import BASE, admin_api, admin_resource
from entresol.admin.service import Authenticate
from entresol.auth_server.app import authorization_server
from entresol.auth_server.context import AuthServer
from entresol.auth_server.people import people
from entresol.auth_server.token_parts import token_parts
from entresol.config import IdentitySettings
from entresol.core.ports import Handler
from entresol.core.storage import Store
from entresol.identity.oauth.assertions import AssertionVerifier
from entresol.identity.oauth.resources import ProtectedResource, ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.net.asgi import AsgiMount
from entresol.net.fetcher import Fetcher


def oauth_settings(identity: IdentitySettings) -> OAuthSettings:
    """The authorization server's settings."""
    return OAuthSettings(
        issuer=identity.issuer,
        registration=identity.registration,
        metadata_clients=identity.metadata_clients != "deny",
        metadata_client_trust=identity.metadata_clients,
    )


def identity_server(
    identity: IdentitySettings,
    store: Store,
    fetcher: Fetcher,
    verifier: AssertionVerifier,
    now: Callable[[], int],
    authenticate: Authenticate,
) -> Handler:
    """Put it together."""
    resources = ProtectedResources(
        (
            *(ProtectedResource(url=url, scopes=("llm",)) for url in identity.resources),
            ProtectedResource(url=admin_resource(identity.issuer), name="Admin API", scopes=("admin:read",)),
        )
    )
    server = AuthServer(
        store=store,
        clock=now,
        settings=oauth_settings(identity),
        resources=lambda: resources,
        fetch=fetcher.fetch,
        verifier=verifier,
    )
    browser, pages = people(server)
    admin = admin_api(
        store, authenticate, now, identity.issuer, identity.resources, lambda request: server.peer(request).address
    )
    return AsgiMount(
        "",
        authorization_server(server, browser=browser, parts=token_parts(server), pages=[*pages, Mount(BASE, admin)]),
    )
