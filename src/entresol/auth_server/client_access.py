"""What all endpoints for clients begin with: the form in the body, and the client that has sent it."""

from starlette.requests import Request

from entresol.auth_server.context import AuthServer
from entresol.auth_server.json_answers import body_of
from entresol.core.storage import Records
from entresol.identity.oauth.cimd import check_trusted
from entresol.identity.oauth.client_authentication import (
    AuthenticatedClient,
    ClientCredentials,
    authenticate_client,
    read_credentials,
)
from entresol.identity.oauth.client_authentication_keys import fetch_keys, keep_keys, must_fetch_keys
from entresol.identity.oauth.request_form import MAX_BODY, RequestForm
from entresol.identity.records.oauth_clients import OAuthClient

TOKEN_PATH = "/token"  # noqa: S105 - a path


async def read_form(request: Request) -> RequestForm:
    """The parameters. Raises OAuthError `invalid_request`."""
    return RequestForm(await body_of(request, MAX_BODY), request.headers.get("content-type", ""))


def credentials_of(server: AuthServer, request: Request, form: RequestForm) -> ClientCredentials:
    """What the request says about its client, unproven. Raises OAuthError."""
    peer = server.peer(request)
    return read_credentials(
        form,
        request.headers.getlist("authorization"),
        certificate_subject=peer.certificate_subject,
        certificate_thumbprint=peer.certificate_thumbprint,
    )


async def authenticated(server: AuthServer, credentials: ClientCredentials, path: str) -> AuthenticatedClient:
    """The client, in a transaction of its own: its assertion is used up, whatever comes after.

    `path`: of the endpoint, for the audience of assertions. Raises OAuthError.
    """
    audiences = (server.issuer, server.url(TOKEN_PATH), server.url(path))

    def work(records: Records) -> AuthenticatedClient:
        client = authenticate_client(records, credentials, audiences, server.clock())
        check_trusted(server.settings, client.record)
        return client

    if credentials.method != "assertion":
        return await server.store.read(work)
    await _load_keys(server, credentials)
    return await server.settle(work)


async def _load_keys(server: AuthServer, credentials: ClientCredentials) -> None:
    client = await server.store.read(lambda records: records.get(OAuthClient, credentials.client_id))
    now = server.clock()
    if client is not None and must_fetch_keys(client, credentials, now):
        await server.store.write(lambda records: keep_keys(records, client.id, None, now))  # others do not ask as well
        keys = await server.run(fetch_keys(client))
        if keys is not None:
            await server.store.write(lambda records: keep_keys(records, client.id, keys, now))
