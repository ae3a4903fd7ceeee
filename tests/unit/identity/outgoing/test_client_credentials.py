"""The gateway's own account."""

from entresol.identity.outgoing.client_credentials import by_client_credentials
from unit.identity.outgoing.asking import NOW, form_of, played, token_answer, upstream


def test_we_ask_for_ourselves() -> None:
    auth = upstream(mode="client_credentials", resource="https://mcp.example/")
    granted, [request] = played(by_client_credentials(auth, NOW), token_answer())
    assert granted.access_token == "fresh"
    assert form_of(request) == {
        "grant_type": "client_credentials", "scope": "repo user", "resource": "https://mcp.example/"
    }  # fmt: skip
