"""The Admin API put together from its parts."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from entresol.admin.access import access_operations
from entresol.admin.impersonation import impersonation_operations
from entresol.admin.issuers import issuer_operations
from entresol.admin.keys import key_operations
from entresol.admin.openapi import openapi
from entresol.admin.operation import Operation
from entresol.admin.own import own_operations
from entresol.admin.people import people_operations
from entresol.admin.programs import program_operations
from entresol.admin.service import AdminApi, Authenticate
from entresol.admin.teams import team_operations
from entresol.admin.upstreams import upstream_operations
from entresol.core.storage import Store
from entresol.identity.oauth.resources import ProtectedResources
from entresol.identity.oauth.token_request import TokenContext
from entresol.identity.oauth.token_settings import TokenSettings

BASE: Final = "/admin/v1"


def admin_resource(issuer: str) -> str:
    """What tokens for the Admin API are meant for."""
    return f"{issuer}/admin"


def all_operations(issuer: str, resources: tuple[str, ...] = ()) -> Sequence[Operation]:
    """Everything that it does. `resources`: those of the data plane."""
    settings = TokenSettings()

    def context(now: int) -> TokenContext:
        return TokenContext(issuer=issuer, resources=ProtectedResources(()), settings=settings, now=now)

    return (
        *own_operations(),
        *people_operations(issuer),
        *impersonation_operations(context, resources),
        *team_operations(),
        *program_operations(),
        *key_operations(),
        *issuer_operations(),
        *access_operations(),
        *upstream_operations(),
    )


def admin_api(
    store: Store,
    authenticate: Authenticate,
    now: Callable[[], int],
    issuer: str,
    resources: tuple[str, ...],
    address: Callable[[Request], str],
) -> ASGIApp:
    """The application, to be mounted at BASE below the issuer. Its document is at `/openapi.json`, for everybody: it
    says what can be asked, and nothing of what is there."""
    operations = all_operations(issuer, resources)
    document = msgspec.json.encode(openapi(operations, f"{issuer}{BASE}"))

    async def described(_: Request) -> Response:
        return Response(document, media_type="application/json")

    api = AdminApi(store, authenticate, now, admin_resource(issuer), address, BASE)
    return api.app(operations, [Route("/openapi.json", described, methods=["GET"])])
