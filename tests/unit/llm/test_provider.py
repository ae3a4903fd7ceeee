import pytest

from entresol.core.errors import ClientError, ConfigError
from entresol.llm.provider import Url, check_model_name, parse_url
from entresol.llm.registry import provider_named

OPENAI, GEMINI = provider_named("openai"), provider_named("gemini")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://mock", Url("http", "mock", 80)),
        ("https://mock:8443/a/b?c=d", Url("https", "mock", 8443, "/a/b", "c=d")),
        ("http://[::1]:80/", Url("http", "::1", 80, "/")),
    ],
)
def test_a_url_is_taken_apart(text: str, url: Url) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mock:80",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://x:y",
        "http://a b",
        "http://u:p@x",
        "http://\r\nx",
        "http://é",
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_url(text)


@pytest.mark.parametrize(
    ("override", "path"),
    [
        (None, "/v1/chat/completions"),
        ("http://mock", "/v1/chat/completions"),
        ("http://mock/", "/v1/chat/completions"),
        ("http://mock/v1", "/v1/chat/completions"),
        ("http://mock/openai/v1/", "/openai/v1/chat/completions"),
        ("http://mock/exactly/here", "/exactly/here"),
        ("http://mock/v1/chat/completions", "/v1/chat/completions"),
    ],
)
def test_an_override_is_an_address_or_a_base(override: str | None, path: str) -> None:
    base = None if override is None else parse_url(override)
    url = OPENAI.url("openai-chat", "gpt-4o", False, base)
    assert (url.path, url.host) == (path, "api.openai.com" if base is None else "mock")


@pytest.mark.parametrize(
    ("stream", "client_query", "expected"),
    [(False, None, ""), (True, None, "alt=sse"), (True, "", ""), (True, "alt=json", "alt=json")],
)
def test_the_clients_query_goes_instead_of_the_providers(stream: bool, client_query: str | None, expected: str) -> None:
    assert GEMINI.url("gemini", "g", stream, None, client_query).query == expected


def test_queries_are_joined() -> None:
    assert OPENAI.url("openai-chat", "m", False, parse_url("http://mock/x?a=1"), "b=2").query == "a=1&b=2"
    assert OPENAI.url("openai-chat", "m", False, parse_url("http://mock?a=1"), "b=2").query == "a=1&b=2"


def test_a_model_cannot_break_out_of_the_path() -> None:
    url = GEMINI.url("gemini", "../../x?y#z", False, None)
    assert url.path == "/v1beta/models/..%2F..%2Fx%3Fy%23z:generateContent"


@pytest.mark.parametrize("model", ["", "a" * 257, "a\nb", "é"])
def test_a_name_that_is_no_models_is_refused(model: str) -> None:
    with pytest.raises(ClientError):
        check_model_name(model)


def test_an_operation_a_provider_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match="provider anthropic has no embeddings, only: chat, count_tokens"):
        provider_named("anthropic").format_name("embeddings")


def test_a_provider_without_an_address_needs_one() -> None:
    with pytest.raises(ConfigError, match="no address of its own"):
        provider_named("openai-compatible").url("openai-chat", "m", False, None)


@pytest.mark.parametrize(
    ("override", "client", "query"),
    [
        ("http://mock?code=op", "code=x&a=1", "code=op&a=1"),
        ("http://mock/here?code=op", "a=1&c%6fde=x&Code=y", "code=op&a=1&Code=y"),
        ("http://mock/here", "a=1&a=2", "a=1&a=2"),
    ],
)
def test_what_the_operators_url_says_in_its_query_is_not_the_clients_to_say(
    override: str, client: str, query: str
) -> None:
    assert OPENAI.url("openai-chat", "m", False, parse_url(override), client).query == query


@pytest.mark.parametrize(
    ("provider", "override", "path"),
    [
        ("gemini", "http://mock/v1", "/v1/models/m:generateContent"),
        ("gemini", "http://mock/v1alpha/", "/v1alpha/models/m:generateContent"),
        ("gemini", "http://mock/google/v1beta", "/google/v1beta/models/m:generateContent"),
        ("gemini", "http://mock/v1beta/models", "/v1beta/models"),
        ("gemini", "http://mock/dev1", "/dev1"),
    ],
)
def test_any_version_of_the_api_ends_a_base(provider: str, override: str, path: str) -> None:
    made = provider_named(provider)
    assert made.url(made.format_name("chat"), "m", False, parse_url(override)).path == path


@pytest.mark.parametrize("name", [".", ".."])
def test_a_model_is_no_step_in_a_path(name: str) -> None:
    with pytest.raises(ClientError, match="model: "):
        check_model_name(name)
