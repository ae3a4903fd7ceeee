import pytest

from entresol.core.errors import ClientError
from entresol.llm.model_config import ModelConfig, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named
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
