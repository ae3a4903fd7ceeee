import pytest

from entresol.core.errors import ClientError
from entresol.llm.model_config import ModelConfig, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import format_named, provider_named
from entresol.llm.target import ModelTarget


def target(**options: str) -> ModelTarget:
    name = options.pop("name", None)
    config = ModelConfig(provider="openai", name=name, options=ModelOptions(**options))  # type: ignore[arg-type]
    return ModelTarget(config, provider_named("openai"))


def look_up(source: str, key: str) -> str | None:
    return {"host": "mock.test", "model": "gpt-4o", "bad": "a b"}.get(key)


def test_without_options_the_provider_decides() -> None:
    assert (target().model(look_up), target().url(look_up)) == (None, None)


def test_the_model_may_come_from_the_request() -> None:
    assert target(name="$(headers.model)").model(look_up) == "gpt-4o"


def test_the_url_may_come_from_the_request() -> None:
    url = target(upstream_url="https://$(headers.host):8443/v1").url(look_up)
    assert url == Url("https", "mock.test", 8443, "/v1")


def test_a_path_alone_replaces_the_providers() -> None:
    assert target(upstream_path="/custom").url(look_up) == Url("https", "api.openai.com", 443, "/custom")
    both = target(upstream_path="/custom", upstream_url="http://mock.test/x").url(look_up)
    assert both == Url("http", "mock.test", 80, "/custom")


def test_a_value_that_makes_no_url_is_the_clients_fault() -> None:
    with pytest.raises(ClientError, match="upstream_url makes no URL here"):
        target(upstream_url="$(headers.bad)").url(look_up)


def test_a_target_without_placeholders_is_known_as_such() -> None:
    assert target(name="gpt-4o", upstream_url="http://x", upstream_path="/y").is_fixed
    assert not target(upstream_path="/$(headers.x)").is_fixed


def test_a_value_cannot_lead_the_credential_to_another_host() -> None:
    with pytest.raises(ClientError, match="is no host name"):
        target(upstream_url="https://$(headers.x).example.com/v1").url(lambda source, key: "evil.test/")
    path = target(upstream_path="/a/$(headers.x)/b").url(lambda source, key: "c?d#e")
    assert path == Url("https", "api.openai.com", 443, "/a/c%3Fd%23e/b")


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("custom", Url("https", "api.openai.com", 443, "/custom")),
        ("/custom?a=b", Url("https", "api.openai.com", 443, "/custom", "a=b")),
        ("/$(headers.model)?a=$(headers.host)", Url("https", "api.openai.com", 443, "/gpt-4o", "a=mock.test")),
    ],
)
def test_a_path_may_have_a_query_and_needs_no_slash(path: str, url: Url) -> None:
    assert target(upstream_path=path).url(look_up) == url


@pytest.mark.parametrize(
    ("provider", "url", "client", "wire"),
    [
        ("ollama", "http://mock:11434", "openai-chat", "openai-chat"),
        ("ollama", "http://mock:11434/v1", "openai-chat", "openai-chat"),
        ("ollama", "http://mock:11434/api/chat", "openai-chat", "ollama-chat"),
        ("ollama", "http://mock:11434/api/generate", "anthropic-messages", "ollama-generate"),
        ("ollama", "http://mock:11434/v1/chat/completions", "ollama-chat", "openai-chat"),
        ("ollama", "http://mock:11434/api/embed", "openai-embeddings", "ollama-embed"),
        ("openai", "http://mock/x/chat/completions", "openai-responses", "openai-chat"),
        ("openai", "http://mock/x/responses", "openai-chat", "openai-responses"),
        ("openai", "http://mock/x/responses/", "openai-chat", "openai-responses"),
        ("openai", "http://mock/here", "openai-responses", "openai-responses"),
        ("openai", "http://$(headers.host)/x/chat/completions", "openai-responses", "openai-chat"),
        ("openai", "http://mock/x/chat/completions", "openai-embeddings", "openai-embeddings"),
        ("vllm", "http://mock/x/messages", "openai-chat", "anthropic-messages"),
        ("huggingface", "http://mock/generate", "openai-chat", "tgi-generate"),
        ("bedrock", "http://mock/model/m/converse", "openai-chat", "bedrock-converse"),
        ("gemini", "http://mock/models/m:generateContent", "openai-chat", "gemini"),
    ],
)
def test_the_path_of_a_whole_address_says_which_wire_is_spoken_there(
    provider: str, url: str, client: str, wire: str
) -> None:
    options = ModelOptions(upstream_url=url)
    made = ModelTarget(ModelConfig(provider=provider, options=options), provider_named(provider).configured(options))
    assert made.wire(format_named(client), "m") == wire


def test_a_path_alone_says_so_too() -> None:
    assert target(upstream_path="/x/chat/completions").wire(format_named("openai-responses"), "m") == "openai-chat"


@pytest.mark.parametrize(
    ("provider", "url", "is_complete"),
    [
        ("openai", None, True),
        ("vllm", None, False),
        ("vllm", "http://mock", True),
        ("vertex", None, False),
        ("vertex", "http://mock", False),
        ("vertex", "http://mock/v1", False),
        ("vertex", "http://mock/v1/models/m:generateContent", True),
        ("vertex", "$(headers.url)", True),
    ],
)
def test_it_is_known_at_load_whether_anything_is_lacking(provider: str, url: str | None, is_complete: bool) -> None:
    config = ModelConfig(provider=provider, options=ModelOptions(upstream_url=url))
    assert ModelTarget(config, provider_named(provider)).is_complete is is_complete


@pytest.mark.parametrize(
    ("options", "is_one"),
    [
        ({}, False),
        ({"upstream_url": "http://mock.test"}, False),
        ({"upstream_url": "http://mock.test/v1"}, False),
        ({"upstream_url": "http://mock.test/proxy/of/mine"}, True),
        ({"upstream_path": "/mine"}, True),
        ({"upstream_url": "$(headers.host)"}, True),
    ],
)
def test_an_address_used_as_it_is_is_the_same_for_all_calls(options: dict[str, str], is_one: bool) -> None:
    assert target(**options).is_one_address is is_one
