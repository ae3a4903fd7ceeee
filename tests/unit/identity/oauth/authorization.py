"""A small world for tests of the authorization endpoint: one gateway, its resources, some clients and users."""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from entresol.identity.oauth.client_authentication import ClientCredentials, authenticate_client
from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.resources import ProtectedResource, ProtectedResources
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.records.accounts import User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.records.sessions import Session
from fake_records import MemoryRecords

NOW: Final = 1_700_000_000
ISSUER: Final = "https://gateway.example"
SETTINGS: Final = OAuthSettings(issuer=ISSUER, registration="open")
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
LLM: Final = ProtectedResource(url=f"{ISSUER}/llm", name="Models")
MCP: Final = ProtectedResource(url=f"{ISSUER}/mcp", name="Tools", scopes=("mcp",))
RESOURCES: Final = ProtectedResources([LLM, MCP])
WEB: Final = OAuthClient(
    id="web", name="Web app", authentication="client_secret_basic", redirect_uris=("https://app.example/cb",)
)
NATIVE: Final = OAuthClient(
    id="native", name="Desktop", is_native=True, redirect_uris=("http://127.0.0.1/cb", "com.example.app:/cb")
)
ADA: Final = User(id="ada", organisation="org", username="ada")


def world(*clients: OAuthClient) -> MemoryRecords:
    """Records of clients and of a user."""
    records = MemoryRecords(lambda: NOW)
    for client in clients or (WEB, NATIVE):
        records.insert(client)
    records.insert(ADA)
    return records


def session(*, user: str = "ada", auth_time: int = NOW - 100, impersonator: str = "") -> Session:
    """A browser's session."""
    return Session(
        id="session",
        user=user,
        auth_time=auth_time,
        acr="urn:x",
        groups=("g",),
        issuer="https://idp.example",
        expires_at=NOW + 1000,
        idle_until=NOW + 1000,
        impersonator=impersonator,
    )


def asking(client: OAuthClient = WEB, /, **changes: str | None) -> list[tuple[str, str]]:
    """Parameters of a good request; None leaves one out."""
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uris[0],
        "scope": "llm",
        "state": "s1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return [(name, value) for name, value in parameters.items() if value is not None]


def is_let_in(records: MemoryRecords, client_id: str, secret: str, now: int = NOW) -> bool:
    """Whether the token endpoint takes a secret of a client."""
    credentials = ClientCredentials(client_id=client_id, method="secret", secret=secret)
    try:
        authenticate_client(records, credentials, (), now)
    except OAuthError:
        return False
    return True


def answered(location: str) -> dict[str, str]:
    """The parameters of an answer, each once."""
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
