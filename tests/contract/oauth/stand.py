"""The stand for others' OAuth clients: the authorization server over TLS on a port, with a protected resource.

It runs on an event loop in a thread of its own, so that clients can be used as their users do. `Person` is somebody
with a browser who has signed in.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpx
import trustme
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from entresol.auth_server.app import Part
from entresol.auth_server.context import AuthServer
from entresol.auth_server.token_parts import token_parts
from entresol.identity.oauth.metadata import Offer
from entresol.identity.oauth.resources import ProtectedResource, ProtectedResources, challenges
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.oauth.signing_keys import jwk_set
from entresol.identity.records.oauth_clients import OAuthClient
from unit.auth_server.gateway import Gateway


class Protected:
    """A resource that wants a token of ours, for itself, with the scope `mcp`."""

    def __init__(self, server: AuthServer, resource: ProtectedResource) -> None:
        self._server = server
        self._resource = resource

    def routes(self) -> Sequence[BaseRoute]:
        return (Route("/mcp", self.answer, methods=["GET", "POST"]),)

    def offer(self) -> Offer:
        return Offer()

    async def answer(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "dpop"):
            return self._refused(401)
        keys: Any = await self._server.store.read(jwk_set)
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"]).claims
        if claims["iss"] != self._server.issuer or self._resource.url not in _listed(claims["aud"]):
            return self._refused(401, "invalid_token")
        if "mcp" not in claims["scope"].split():
            return self._refused(403, "insufficient_scope")
        return JSONResponse({"sub": claims["sub"], "scope": claims["scope"], "client": claims["client_id"]})

    def _refused(self, status: int, error: str = "") -> Response:
        answer = Response(status_code=status)
        for value in challenges(self._resource, error=error):
            answer.headers.append("WWW-Authenticate", value)
        return answer


class Stand:
    """What a test works with."""

    def __init__(self, directory: Path, clients: Sequence[OAuthClient] = ()) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate = authority.issue_cert("localhost")
        self._certificate = directory / "server.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self._certificate))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.issuer = f"https://localhost:{self._socket.getsockname()[1]}"
        self.resource = ProtectedResource(url=f"{self.issuer}/mcp", name="Tools", scopes=("mcp",))
        self.gateway = Gateway(
            settings=OAuthSettings(issuer=self.issuer, registration="open", registrations_per_hour=100),
            clients=clients,
            resources=ProtectedResources([self.resource]),
            parts=self._parts,
        )
        self.gateway.now = int(time.time())
        self.gateway.browser.auth_time = self.gateway.now - 100
        config = uvicorn.Config(
            self.gateway.app,
            ssl_certfile=str(self._certificate),
            lifespan="off",
            log_level="warning",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def _parts(self, server: AuthServer) -> Sequence[Part]:
        return (*token_parts(server), Protected(server, self.resource))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client has to trust."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def person(self) -> "Person":
        return Person(self)


class Person:
    """Somebody with a browser."""

    def __init__(self, stand: Stand) -> None:
        self._issuer = stand.issuer
        self._trust = stand.trust

    def allow(self, authorization_url: str) -> str:
        """Open the URL, agree, and return the address that the browser is sent to."""
        with httpx.Client(verify=self._trust, cookies={"user": "ada"}) as browser:
            page = browser.get(authorization_url)
            if page.status_code == 200:
                fields = dict(re.findall(r'<input name="(\w+)" value="([^"]*)">', page.text))
                page = browser.post(urljoin(self._issuer, "/consent"), data={**fields, "decision": "allow"})
        assert page.status_code == 303, page.text
        return page.headers["location"]


def _listed(audience: Any) -> list[str]:
    return audience if isinstance(audience, list) else [audience]
