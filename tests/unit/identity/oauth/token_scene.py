"""An authorization server's records and its clients, for tests of grants: no HTTP, and time stands still."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from joserfc.jwk import Key

from entresol.core.record import Record
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.oauth.client_authentication import AuthenticatedClient
from entresol.identity.oauth.dpop import DpopProof
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.handles import handle_digest, new_handle
from entresol.identity.oauth.own_tokens import read_own
from entresol.identity.oauth.request_form import RequestForm
from entresol.identity.oauth.resources import ProtectedResource, ProtectedResources
from entresol.identity.oauth.token_request import Evidence, TokenContext, TokenRequest
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.oauth.tokens import answer_token_request
from entresol.identity.records.accounts import ExternalIdentity, ServiceAccount, User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import AuthorizationCode, Session
from fake_records import MemoryStore

NOW = 1_700_000_000
ISSUER = "https://gw.example/auth"
LLM = "https://gw.example/v1"
MCP = "https://gw.example/mcp"
IDP = "https://idp.example"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "https://app.example/callback"
ALL_GRANTS = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
)
RESOURCES = ProtectedResources(
    (ProtectedResource(url=LLM, scopes=("llm",)), ProtectedResource(url=MCP, scopes=("mcp",)))
)


class Scene:
    """Ada is a user, `ci` a service account; `app` is a public client, `backend` one with a secret."""

    def __init__(self, settings: TokenSettings | None = None) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        self.records = self.store.records
        self.settings = settings or TokenSettings()
        self.put(User(id="ada", organisation="org", username="ada", email="ada@example.org", display_name="Ada L."))
        self.put(ExternalIdentity(id="x", organisation="org", user="ada", issuer=IDP, subject="idp-ada"))
        self.put(ServiceAccount(id="ci", organisation="org", name="ci", subjects=(f"{IDP}|repo:main",)))
        self.put(OAuthClient(id="app", name="App", redirect_uris=(REDIRECT,), grant_types=ALL_GRANTS))
        self.put(
            OAuthClient(
                id="backend",
                organisation="org",
                name="Backend",
                authentication="client_secret_basic",
                grant_types=ALL_GRANTS,
                service_account="ci",
                may_exchange=True,
            )
        )

    def put(self, record: Record) -> None:
        """Insert it."""
        self.records.insert(record)

    def change(self, cls: type[Record], record_id: str, **fields: Any) -> None:
        """Change fields of a record."""
        self.records.replace(msgspec.structs.replace(self.records.need(cls, record_id), **fields))

    def code(self, **fields: Any) -> str:
        """A code that Ada's browser has just been given for `app`."""
        code = new_handle()
        values: dict[str, Any] = {
            "client": "app",
            "user": "ada",
            "organisation": "org",
            "redirect_uri": REDIRECT,
            "scopes": ("openid", "llm", "mcp"),
            "code_challenge": CHALLENGE,
            "auth_time": self.now - 5,
            "expires_at": self.now + 60,
            "session": "s1",
            **fields,
        }
        self.put(AuthorizationCode(id=handle_digest(code), **values))
        return code

    def session(self, **fields: Any) -> Session:
        """Ada's, in a browser."""
        values: dict[str, Any] = {"user": "ada", "auth_time": self.now - 5, "acr": "pwd", **fields}
        return Session(id="s1", expires_at=self.now + 60, idle_until=self.now + 60, **values)

    def context(self) -> TokenContext:
        """As of now."""
        return TokenContext(issuer=ISSUER, resources=RESOURCES, settings=self.settings, now=self.now)

    def request(
        self,
        client: str | None,
        *,
        key: Key | None = None,
        assertion: VerifiedAssertion | None = None,
        subject: VerifiedAssertion | None = None,
        actor: VerifiedAssertion | None = None,
        **parameters: Any,
    ) -> TokenRequest:
        """A request of an authenticated client, with the proof of a key."""
        found = AuthenticatedClient(record=self.records.need(OAuthClient, client)) if client else None
        proof = None
        if key is not None:
            proof = DpopProof(thumbprint=key.thumbprint(), jti=new_handle(), fresh_until=self.now + 60)
        return TokenRequest(
            form=RequestForm(urlencode(parameters, doseq=True).encode()),
            client=found,
            proof=proof,
            evidence=Evidence(assertion=assertion, subject=subject, actor=actor),
        )

    def ask(self, client: str | None, grant_type: str, **parameters: Any) -> dict[str, Any]:
        """The answer of the token endpoint. What was written before a refusal stays."""
        request = self.request(client, grant_type=grant_type, **parameters)
        return answer_token_request(self.records, self.context(), request)

    def refusal(self, client: str | None, grant_type: str, **parameters: Any) -> str:
        """The error."""
        with pytest.raises(OAuthError) as refused:
            self.ask(client, grant_type, **parameters)
        return refused.value.error

    def signed_in(self, *, key: Key | None = None, **fields: Any) -> dict[str, Any]:
        """The tokens that a fresh code brings."""
        client = fields.get("client", "app")
        return self.ask(client, "authorization_code", key=key, code=self.code(**fields), code_verifier=VERIFIER)

    def claims(self, token: str) -> dict[str, Any]:
        """Of an access token that counts now."""
        return read_own(self.records, token, ISSUER, self.now).claims


def asserted(**fields: Any) -> VerifiedAssertion:
    """A token of the enterprise's provider, verified."""
    values: dict[str, Any] = {
        "organisation": "org",
        "issuer": IDP,
        "subject": "idp-ada",
        "stands_for": "user",
        "claims": {},
        "expires_at": NOW + 300,
        **fields,
    }
    return VerifiedAssertion(**values)
