"""Entra's on-behalf-of flow."""

from entresol.identity.outgoing.entra_obo import by_entra_obo
from unit.identity.outgoing.asking import CALLER, NOW, form_of, played, token_answer, upstream


def test_scopes_say_what_it_is_for_and_nothing_else_does() -> None:
    auth = upstream(
        mode="entra_obo", client_authentication="client_secret_post", audience="x", resource="https://y",
        scopes=("https://graph.microsoft.com/.default",),
    )  # fmt: skip
    granted, [request] = played(by_entra_obo(auth, CALLER, NOW), token_answer())
    assert granted.access_token == "fresh"
    assert form_of(request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "subject.token.ada",
        "requested_token_use": "on_behalf_of",
        "scope": "https://graph.microsoft.com/.default",
        "client_id": "gate way",
        "client_secret": "s3c:ret/&",
    }
