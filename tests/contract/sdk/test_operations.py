"""Operations beside chat: embeddings in every pair, and counting on a route of messages, with the official clients."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types as genai_types

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route

MODELS = {"openai": "text-embedding-3-small", "gemini": "gemini-embedding-001"}


class OperationsStand(Stand):
    """Routes for embeddings, and for Anthropic's clients."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        embeddings = "llm/v1/embeddings"
        routes = [
            route(
                f"openai-{provider}",
                [f"/openai-{provider}"],
                ai_proxy("openai", provider, upstream, route_type=embeddings),
            )
            for provider in MODELS
        ]
        routes += [
            route("gemini-gemini", ["/gemini-gemini"], ai_proxy("gemini", "gemini", upstream)),
            route("gemini-openai", ["/gemini-openai"], ai_proxy("gemini", "openai", upstream)),
            route("anthropic-anthropic", ["/anthropic-anthropic"], ai_proxy("anthropic", "anthropic", upstream)),
            route("anthropic-openai", ["/anthropic-openai"], ai_proxy("anthropic", "openai", upstream)),
        ]
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [
                {"name": "key-auth", "config": {"key_names": ["authorization", "x-api-key", "x-goog-api-key"]}}
            ],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperationsStand]:
    running = OperationsStand(tmp_path_factory.mktemp("operations"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: OperationsStand) -> Iterator[None]:
    yield
    place.clients.close()


def openai_client(place: Stand, provider: str) -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{place.base('openai', provider)}/v1", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def gemini_client(place: Stand, provider: str) -> genai.Client:
    options = genai_types.HttpOptions(base_url=place.base("gemini", provider))
    sdk = genai.Client(api_key=GATEWAY_KEY, http_options=options)
    place.clients.callback(sdk.close)
    return sdk


@pytest.mark.parametrize("encoding", ["float", "base64", None])
@pytest.mark.parametrize("provider", MODELS)
def test_openais_client_gets_vectors_in_the_encoding_it_asks_for(
    place: OperationsStand, provider: str, encoding: Any
) -> None:
    sdk = openai_client(place, provider)
    options: dict[str, Any] = {} if encoding is None else {"encoding_format": encoding}
    answer = sdk.embeddings.create(model=MODELS[provider], input=["one", "two"], dimensions=8, **options)
    assert [each.index for each in answer.data] == [0, 1]
    first, second = (each.embedding for each in answer.data)
    assert first != second
    if encoding != "base64":  # the client decodes what it asked for itself
        assert len(first) == len(second) == 8
        assert all(isinstance(number, float) for number in first)
    assert (place.last.wire, place.last.status) == (provider, 200)


@pytest.mark.parametrize("provider", MODELS)
def test_googles_client_gets_vectors(place: OperationsStand, provider: str) -> None:
    sdk = gemini_client(place, provider)
    config = genai_types.EmbedContentConfig(output_dimensionality=8)
    contents: Any = ["one", "two"]
    answer = sdk.models.embed_content(model=MODELS[provider], contents=contents, config=config)
    assert answer.embeddings is not None
    vectors = [each.values for each in answer.embeddings]
    assert [len(vector or ()) for vector in vectors] == [8, 8]
    assert vectors[0] != vectors[1]
    assert (place.last.wire, place.last.status) == (provider, 200)


def test_the_same_text_has_the_same_vector_whichever_client_asks(place: OperationsStand) -> None:
    config = genai_types.EmbedContentConfig(output_dimensionality=8)
    contents: Any = ["the same"]
    theirs = gemini_client(place, "openai").models.embed_content(
        model=MODELS["openai"], contents=contents, config=config
    )
    ours = openai_client(place, "openai").embeddings.create(model=MODELS["openai"], input="the same", dimensions=8)
    assert theirs.embeddings is not None
    assert theirs.embeddings[0].values == pytest.approx(ours.data[0].embedding, rel=1e-6)


def test_what_a_provider_cannot_embed_is_refused_in_the_clients_words(place: OperationsStand) -> None:
    sdk = openai_client(place, "gemini")
    with pytest.raises(openai.BadRequestError, match="no tokens") as caught:
        sdk.embeddings.create(model=MODELS["gemini"], input=[[1, 2, 3]])
    assert caught.value.code == "unsupported_by_provider"


def anthropic_client(place: Stand, provider: str) -> anthropic.Anthropic:
    sdk = anthropic.Anthropic(base_url=place.base("anthropic", provider), api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def test_anthropics_client_counts_tokens_on_the_route_of_its_messages(place: OperationsStand) -> None:
    sdk = anthropic_client(place, "anthropic")
    count = sdk.messages.count_tokens(model="claude-sonnet-5-5", messages=[{"role": "user", "content": "Hello"}])
    assert count.input_tokens > 0
