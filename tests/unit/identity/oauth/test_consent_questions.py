"""What a consent page says."""

import msgspec
import pytest

from entresol.identity.oauth.authorize import Pending, read_request
from entresol.identity.oauth.consent_questions import WARNINGS, ConsentQuestion, consent_question
from entresol.identity.records.oauth_clients import OAuthClient
from unit.identity.oauth.authorization import MCP, NATIVE, RESOURCES, WEB, asking


def question(client: OAuthClient, *, is_known_domain: bool = False, **changes: str | None) -> ConsentQuestion:
    waiting = Pending(handle="h", request=read_request(client, RESOURCES, asking(client, **changes)), client=client)
    return consent_question(waiting, RESOURCES, is_known_domain=is_known_domain)


def test_it_names_the_client_where_it_returns_to_and_what_it_can_do() -> None:
    shown = question(WEB, scope="mcp openid", resource=MCP.url)
    assert (shown.handle, shown.client_id, shown.client_name, shown.client_host) == ("h", "web", "Web app", "")
    assert (shown.to.host, shown.to.form_target) == ("app.example", "https://app.example")
    assert [scope.name for scope in shown.scopes] == ["openid", "mcp"]
    assert shown.resources == ("Tools",)
    assert shown.warnings == ()


METADATA = OAuthClient(
    id="https://tool.example/client.json", name="Tool", source="metadata", redirect_uris=("https://tool.example/cb",)
)


@pytest.mark.parametrize(
    ("client", "warnings"),
    [
        (NATIVE, {"loopback"}),
        (msgspec.structs.replace(NATIVE, redirect_uris=("com.example.app:/cb",)), {"private-use"}),
        (msgspec.structs.replace(WEB, source="registered"), {"self-registered"}),
        (msgspec.structs.replace(WEB, redirect_uris=("https://xn--pple-43d.example/cb",)), {"international-host"}),
        (msgspec.structs.replace(METADATA, id="https://xn--a.example/c"), {"international-host", "unknown-domain"}),
        (METADATA, {"unknown-domain"}),
    ],
)
def test_it_warns_of_what_one_should_be_careful_about(client: OAuthClient, warnings: set[str]) -> None:
    assert set(question(client).warnings) == warnings
    assert warnings <= WARNINGS.keys()


def test_a_domain_that_is_known_needs_no_warning_and_its_host_is_shown() -> None:
    shown = question(METADATA, is_known_domain=True)
    assert (shown.warnings, shown.client_host) == ((), "tool.example")


def test_rights_of_administrators_are_marked() -> None:
    console = msgspec.structs.replace(WEB, scopes=("admin:read",))
    assert question(console, scope="admin:read").warnings == ("sensitive",)
