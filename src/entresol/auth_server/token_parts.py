"""The endpoints around tokens, for `app.authorization_server`."""

from entresol.auth_server.context import AuthServer
from entresol.auth_server.device_authorization import DeviceAuthorizationEndpoint
from entresol.auth_server.introspection import IntrospectionEndpoint
from entresol.auth_server.jwks import JwksEndpoint
from entresol.auth_server.revocation import RevocationEndpoint
from entresol.auth_server.token import TokenEndpoint

TokenPart = TokenEndpoint | DeviceAuthorizationEndpoint | IntrospectionEndpoint | RevocationEndpoint | JwksEndpoint


def token_parts(server: AuthServer) -> tuple[TokenPart, ...]:
    """All of them."""
    return (
        TokenEndpoint(server),
        DeviceAuthorizationEndpoint(server),
        IntrospectionEndpoint(server),
        RevocationEndpoint(server),
        JwksEndpoint(server),
    )
