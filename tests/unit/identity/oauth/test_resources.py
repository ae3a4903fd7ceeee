"""Protected resources."""

import pytest

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.resources import (
    ProtectedResource,
    ProtectedResources,
    canonical_url,
    challenges,
    metadata_url,
    resource_metadata,
)

LLM = ProtectedResource(url="https://gateway.example/llm", name="Models")
MCP = ProtectedResource(url="https://gateway.example/servers/files/mcp", scopes=("mcp",))
ALL = ProtectedResources([LLM, MCP])


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://Gateway.Example/llm", "https://gateway.example/llm"),
        ("HTTPS://gateway.example:443/", "https://gateway.example"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:80/mcp/", "http://[::1]/mcp/"),
        ("https://gateway.example/llm?x=1", None),
        ("https://gateway.example/llm#x", None),
        ("https://user@gateway.example/llm", None),
        ("ftp://gateway.example", None),
        ("gateway.example/llm", None),
        ("https://gateway.example/a b", None),
        ("https://g\u00e4teway.example/", None),
        ("https://gateway.example/m\u0441p", None),
        ("", None),
    ],
)
def test_an_identifier_has_one_spelling(url: str, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


def test_a_resource_is_found_in_every_equal_spelling_and_in_no_other() -> None:
    for url in ("https://gateway.example/llm", "https://GATEWAY.example:443/llm", "https://gateway.example/llm/"):
        assert ALL.get(url) == LLM
    for url in ("https://gateway.example/LLM", "https://gateway.example/llm/x", "https://gateway.example", "llm"):
        assert ALL.get(url) is None


def test_resources_with_and_without_a_slash_may_both_be_there() -> None:
    both = ProtectedResources([LLM, ProtectedResource(url="https://gateway.example/llm/", name="Other")])
    found = [both.get(url) for url in ("https://gateway.example/llm", "https://gateway.example/llm/")]
    assert [resource.name for resource in found if resource is not None] == ["Models", "Other"]


def test_what_is_no_identifier_or_there_twice_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="no identifier"):
        ProtectedResources([ProtectedResource(url="llm")])
    with pytest.raises(ValueError, match="twice"):
        ProtectedResources([LLM, ProtectedResource(url="https://gateway.example:443/llm")])


def test_a_request_names_resources_of_this_gateway_only() -> None:
    assert ALL.asked([MCP.url, LLM.url, MCP.url + "/"]) == (MCP, LLM)
    for urls in (["https://evil.example/llm"], [LLM.url] * 9, [f"{LLM.url}#x"]):
        with pytest.raises(OAuthError) as caught:
            ALL.asked(urls)
        assert caught.value.error == "invalid_target"


def test_scopes_that_are_needed_are_those_of_what_is_asked_or_of_the_first() -> None:
    assert ALL.scopes_needed((MCP, LLM)) == ("mcp", "llm")
    assert ALL.scopes_needed(()) == ("llm",)
    assert ProtectedResources([]).scopes_needed(()) == ()


def test_metadata_is_between_host_and_path_and_at_the_root_for_the_only_resource() -> None:
    assert metadata_url(MCP.url) == "https://gateway.example/.well-known/oauth-protected-resource/servers/files/mcp"
    assert metadata_url("https://gateway.example") == "https://gateway.example/.well-known/oauth-protected-resource"
    assert ALL.at("/servers/files/mcp") == MCP
    assert ALL.at("/llm/") == LLM
    assert ALL.at("/servers") is None
    assert ALL.at("") is None
    assert ProtectedResources([MCP]).at("") == MCP
    root = ProtectedResource(url="https://gateway.example", scopes=("llm", "mcp"))
    assert ProtectedResources([MCP, root]).at("") == root


def test_a_document_names_the_resource_its_issuers_and_its_few_scopes() -> None:
    assert resource_metadata(LLM, ["https://gateway.example"]) == {
        "resource": "https://gateway.example/llm",
        "authorization_servers": ["https://gateway.example"],
        "scopes_supported": ["llm"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Models",
    }
    bound = ProtectedResource(url="https://gateway.example/x", documentation="https://d.example", dpop_required=True)
    document = resource_metadata(bound, ["https://gateway.example"], ["ES256"])
    assert document["dpop_bound_access_tokens_required"] is True
    assert document["dpop_signing_alg_values_supported"] == ["ES256"]
    assert document["resource_documentation"] == "https://d.example"


def test_a_challenge_says_where_the_metadata_is_and_what_is_needed() -> None:
    where = 'resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/llm"'
    assert challenges(LLM) == (f'Bearer {where}, scope="llm"',)
    assert challenges(LLM, error="insufficient_scope", description='no "x"\r\n', scopes=("llm", "mcp")) == (
        f'Bearer {where}, error="insufficient_scope", error_description="no ?x???", scope="llm mcp"',
    )
    assert challenges(LLM, dpop_algorithms=("ES256",)) == (
        f'Bearer {where}, scope="llm"',
        f'DPoP algs="ES256", {where}, scope="llm"',
    )
    bound = ProtectedResource(url="https://gateway.example/llm", dpop_required=True)
    assert challenges(bound, dpop_algorithms=("ES256",)) == (f'DPoP algs="ES256", {where}, scope="llm"',)
