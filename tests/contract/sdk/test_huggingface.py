"""Hugging Face's own client in front of Text Generation Inference, and of providers that speak something else."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError, OverloadedError, TextGenerationError, ValidationError

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route
from contract.sdk.talking import CITY

PROVIDERS = ("huggingface", "openai", "anthropic", "gemini")
MODELS = {
    "huggingface": "served",
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
}
FAULTS = ("error-midstream", "truncated", "429", "500")

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


class HuggingFaceStand(Stand):
    """Routes of TGI's clients to every provider, one of them for each fault."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(f"tgi-{provider}", [f"/tgi-{provider}"], proxy(provider, MODELS[provider], upstream))
            for provider in PROVIDERS
        ]
        routes += [
            route(f"{fault}-{provider}", [f"/{fault}-{provider}"], proxy(provider, f"scripted-{fault}", upstream))
            for provider in PROVIDERS
            for fault in FAULTS
        ]
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [{"name": "key-auth", "config": {"key_names": ["authorization"]}}],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def proxy(provider: str, model: str, upstream: str) -> dict[str, Any]:
    """The plugin for one provider. TGI has no models: faults are ordered in the prompt."""
    if provider != "huggingface":
        config: dict[str, Any] = ai_proxy("huggingface", provider, upstream, name=model)["config"]
        return {"name": "ai-proxy", "config": config}
    auth = {"header_name": "Authorization", "header_value": "Bearer scripted-key"}
    served = {"provider": provider, "name": model, "options": {"upstream_url": upstream}}
    return {
        "name": "ai-proxy",
        "config": {"route_type": "llm/v1/chat", "llm_format": "huggingface", "model": served, "auth": auth},
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HuggingFaceStand]:
    """The gateway with these routes, and its provider."""
    running = HuggingFaceStand(tmp_path_factory.mktemp("huggingface"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: HuggingFaceStand) -> Iterator[None]:
    yield
    place.clients.close()


def client(place: Stand, name: str, key: str = GATEWAY_KEY) -> Any:
    """An `InferenceClient`."""
    return place.clients.enter_context(InferenceClient(model=f"{place.url}/{name}", token=key))


@every_provider
def test_a_prompt_is_completed(place: HuggingFaceStand, provider: str) -> None:
    sdk = client(place, f"tgi-{provider}")
    assert sdk.text_generation("Hello", max_new_tokens=50) == 'You said: "Hello".'
    streamed = "".join(sdk.text_generation("Hello", max_new_tokens=50, stream=True))
    assert streamed.removesuffix("</s>") == 'You said: "Hello".'  # TGI's own token for the end passes
    assert place.last.wire == ("tgi" if provider == "huggingface" else provider)


@every_provider
def test_an_answer_has_its_details(place: HuggingFaceStand, provider: str) -> None:
    sdk = client(place, f"tgi-{provider}")
    whole = sdk.text_generation("Write 50 words", max_new_tokens=2, details=True)
    assert (whole.generated_text, whole.details.finish_reason) == ("alpha br", "length")
    assert whole.details.generated_tokens == 2
    *_, last = sdk.text_generation("Write 50 words", max_new_tokens=2, details=True, stream=True)
    assert (last.generated_text, last.details.finish_reason) == ("alpha br", "length")
    assert last.details.input_length > 0


@every_provider
def test_an_answer_keeps_to_a_schema(place: HuggingFaceStand, provider: str) -> None:
    text = client(place, f"tgi-{provider}").text_generation("weather in Paris", grammar={"type": "json", "value": CITY})
    assert msgspec.json.decode(text) == {"city": "Paris"}


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "huggingface"])
def test_what_only_tgi_can_do_is_refused(place: HuggingFaceStand, provider: str) -> None:
    with pytest.raises(ValidationError, match="return_full_text is not supported"):
        client(place, f"tgi-{provider}").text_generation("Hello", return_full_text=True)
    assert client(place, "tgi-huggingface").text_generation("Hello", return_full_text=True).startswith("HelloYou")


@every_provider
def test_a_stream_that_fails_raises_and_never_ends_well(place: HuggingFaceStand, provider: str) -> None:
    for fault in ("error-midstream", "truncated"):
        tokens: list[Any] = []
        stream = client(place, f"{fault}-{provider}").text_generation(
            f"[scripted-{fault}]\n\nWrite 50 words", stream=True, details=True
        )
        with pytest.raises(TextGenerationError):
            tokens.extend(stream)
        assert not any(token.generated_text for token in tokens)


@every_provider
def test_a_busy_provider_is_one_for_the_client(place: HuggingFaceStand, provider: str) -> None:
    with pytest.raises(OverloadedError):
        client(place, f"429-{provider}").text_generation("[scripted-429]")
    with pytest.raises(TextGenerationError):
        client(place, f"500-{provider}").text_generation("[scripted-500]")


def test_a_wrong_key_is_an_error(place: HuggingFaceStand) -> None:
    with pytest.raises((HfHubHTTPError, TextGenerationError)):
        client(place, "tgi-openai", "nobodys-key").text_generation("Hello")
