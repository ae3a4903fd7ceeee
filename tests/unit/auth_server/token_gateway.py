"""The gateway of `gateway.py` with its endpoints around tokens, and the clients that use them."""

import base64
import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import httpx
from joserfc.jwk import Key
from starlette.requests import Request

from entresol.auth_server.context import Peer, peer_of
from entresol.auth_server.token_parts import token_parts
from entresol.core.fetching import Steps
from entresol.identity.oauth.assertions import AssertionRefused, VerifiedAssertion
from entresol.identity.oauth.client_authentication import ASSERTION_TYPE, secret_digest
from entresol.identity.oauth.clients import GRANTS
from entresol.identity.oauth.handles import new_handle
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.records.accounts import ExternalIdentity, ServiceAccount
from entresol.identity.records.oauth_clients import OAuthClient
from unit.auth_server.gateway import Gateway
from unit.identity.oauth.authorization import ISSUER, SETTINGS, answered, asking
from unit.identity.oauth.keys import EC, jwks, proof, signed

VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
TOKEN_URL: Final = f"{ISSUER}/token"
REDIRECT: Final = "https://app.example/cb"
SUBJECT: Final = "CN=mtls,O=Example"
IDP: Final = "https://idp.example"
BASIC: Final = {"authorization": "Basic " + base64.b64encode(b"backend:s3cret").decode()}


def client(client_id: str, **fields: Any) -> OAuthClient:
    """A client that may use every grant."""
    values: dict[str, Any] = {
        "name": client_id,
        "redirect_uris": (REDIRECT,),
        "grant_types": tuple(sorted(GRANTS)),
        **fields,
    }
    return OAuthClient(id=client_id, **values)


PUBLIC: Final = client("public")
BACKEND: Final = client(
    "backend",
    organisation="org",
    authentication="client_secret_basic",
    secret_digests=(secret_digest("s3cret"),),
    service_account="ci",
    may_exchange=True,
)
KEYED: Final = client(
    "keyed", organisation="org", authentication="private_key_jwt", jwks=jwks(EC), service_account="ci"
)
MTLS: Final = client(
    "mtls", organisation="org", authentication="tls_client_auth", certificate_subject=SUBJECT, service_account="ci"
)


class TokenGateway(Gateway):
    """A user `ada`, a service account `ci`, and four clients. `trusted`: tokens of other issuers that are good."""

    def __init__(self, tokens: TokenSettings | None = None) -> None:
        self.trusted: dict[str, VerifiedAssertion] = {}
        self.certificate = ""
        super().__init__(
            settings=SETTINGS,
            clients=(PUBLIC, BACKEND, KEYED, MTLS),
            parts=lambda server: token_parts(
                dataclasses.replace(server, verifier=self, peer=self.peer, tokens=tokens or TokenSettings())
            ),
        )
        self.records.insert(ExternalIdentity(id="x", organisation="org", user="ada", issuer=IDP, subject="idp-ada"))
        self.records.insert(ServiceAccount(id="ci", organisation="org", name="ci", subjects=(f"{IDP}|repo:main",)))

    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        """See `AssertionVerifier`."""
        if token not in self.trusted:
            raise AssertionRefused("not trusted")
        return self.trusted[token]
        yield

    def peer(self, request: Request) -> Peer:
        """The socket's, with the certificate that a test has put there."""
        thumbprint = "thumbprint" if self.certificate else ""
        address = peer_of(request).address
        return Peer(address=address, certificate_subject=self.certificate, certificate_thumbprint=thumbprint)

    def code(self, client: OAuthClient = PUBLIC, **changes: str | None) -> str:
        """Ada signs in and consents; what the browser brings back to the client."""
        page = self.authorize(asking(client, **{"code_challenge": CHALLENGE, **changes}))
        answer = self.decide(page) if page.status_code == 200 else page
        return answered(answer.headers["location"])["code"]

    def token(self, grant_type: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
        """One request at the token endpoint."""
        return self.post("/token", data={"grant_type": grant_type, **parameters}, headers=headers or {})

    def redeemed(self, code: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
        """A code at the token endpoint, with its verifier."""
        values = {"client_id": "public", "code_verifier": VERIFIER, **parameters}
        return self.token("authorization_code", headers, code=code, **values)

    def signed_in(self, headers: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        """The tokens that Ada's sign-in brings to the public client."""
        answer = self.redeemed(self.code(**changes), headers)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def active(self, token: str) -> bool:
        """Whether an access token for any of our resources counts, as a resource asks it."""
        known = self.records.need(OAuthClient, "watcher") if self.records.get(OAuthClient, "watcher") else None
        if known is None:
            audiences = tuple(resource.url for resource in self.server.resources())
            digests = (secret_digest("w"),)
            self.records.insert(
                client("watcher", authentication="client_secret_post", secret_digests=digests, audiences=audiences)
            )
        answer = self.post("/introspect", data={"client_id": "watcher", "client_secret": "w", "token": token})
        found: bool = answer.json()["active"]
        return found

    def dpop(self, key: Key = EC, url: str = TOKEN_URL, method: str = "POST", **claims: Any) -> dict[str, str]:
        """The header field with a fresh proof."""
        values = {"jti": new_handle(), "htm": method, "htu": url, "iat": self.now, **claims}
        return {"dpop": proof(values, key)}

    def asserted(self, key: Key = EC, **claims: Any) -> dict[str, Any]:
        """The parameters of a fresh assertion of the client `keyed`."""
        values = {"iss": "keyed", "sub": "keyed", "aud": ISSUER, "jti": new_handle(), "exp": self.now + 60, **claims}
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(values, key)}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and OAuth's code."""
    return answer.status_code, answer.json()["error"]
