"""Models of Vertex AI that are no Gemini, with the official clients: vectors by predict."""

from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import openai
import pytest
from google import genai
from google.genai import types as genai_types
from google.oauth2.credentials import Credentials

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route

MODEL = "text-embedding-005"
CLIENTS = {"openai": "llm/v1/embeddings", "cohere": "llm/v1/embeddings", "gemini": "llm/v1/chat"}
"""The formats of clients, and the types of their routes."""


class VertexStand(Stand):
    """A route of each client to Vertex AI; Google's own client speaks to `gemini`, and to OpenAI by `elsewhere`."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(client, [f"/{client}"], proxy(client, "vertex", upstream, route_type))
            for client, route_type in CLIENTS.items()
        ]
        routes.append(route("elsewhere", ["/elsewhere"], proxy("gemini", "openai", upstream, "llm/v1/chat")))
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [{"name": "key-auth", "config": {"key_names": ["authorization", "x-goog-api-key"]}}],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def proxy(client: str, provider: str, upstream: str, route_type: str) -> dict[str, Any]:
    """The plugin for one pair."""
    plugin = ai_proxy("openai", "openai", upstream, route_type=route_type)
    config = plugin["config"]
    config["llm_format"], config["model"]["provider"] = client, provider
    if provider == "vertex":
        config["model"]["options"]["gemini"] = {"project_id": "p", "location_id": "l"}
    return plugin


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VertexStand]:
    running = VertexStand(tmp_path_factory.mktemp("vertex"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: VertexStand) -> Iterator[None]:
    yield
    place.clients.close()


def openai_client(place: Stand) -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{place.url}/openai/v1", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def google_client(place: Stand, path: str = "gemini") -> genai.Client:
    """Google's client as it speaks to Vertex AI."""
    options = genai_types.HttpOptions(base_url=f"{place.url}/{path}")
    known = Credentials(token=GATEWAY_KEY)  # type: ignore[no-untyped-call]
    sdk = genai.Client(vertexai=True, project="p", location="l", credentials=known, http_options=options)
    place.clients.callback(sdk.close)
    return sdk


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openais_client_gets_vectors_of_vertex(place: VertexStand, encoding: Any) -> None:
    answer = openai_client(place).embeddings.create(
        model=MODEL, input=["one", "two words"], dimensions=8, encoding_format=encoding
    )
    assert [each.index for each in answer.data] == [0, 1]
    assert answer.data[0].embedding != answer.data[1].embedding
    assert (answer.model, answer.usage.prompt_tokens) == (MODEL, 4)  # a token is four bytes there
    assert place.last.path.endswith(f"/publishers/google/models/{MODEL}:predict")


def test_coheres_client_gets_vectors_of_vertex_for_its_purpose(place: VertexStand) -> None:
    connection = place.clients.enter_context(httpx.Client(timeout=20))
    sdk = cohere.ClientV2(api_key=GATEWAY_KEY, base_url=f"{place.url}/cohere", httpx_client=connection)
    answer = sdk.embed(
        model=MODEL, texts=["one"], input_type="search_query", embedding_types=["float"], output_dimension=8,
        truncate="END",
    )  # fmt: skip
    assert answer.embeddings.float_ is not None
    assert len(answer.embeddings.float_[0]) == 8
    assert place.last.json == {
        "instances": [{"content": "one", "task_type": "RETRIEVAL_QUERY"}],
        "parameters": {"outputDimensionality": 8, "autoTruncate": True},
    }


@pytest.mark.parametrize(("path", "model"), [("gemini", MODEL), ("elsewhere", "text-embedding-3-small")])
def test_googles_client_gets_vectors_by_predict_of_vertex_and_of_others(
    place: VertexStand, path: str, model: str
) -> None:
    config = genai_types.EmbedContentConfig(output_dimensionality=8, task_type=None)
    contents: Any = ["one", "two words"]
    answer = google_client(place, path).models.embed_content(model=model, contents=contents, config=config)
    assert answer.embeddings is not None
    assert [len(each.values or ()) for each in answer.embeddings] == [8, 8]
    counted = [each.statistics.token_count for each in answer.embeddings if each.statistics is not None]
    assert sum(each or 0 for each in counted) == 4
    assert place.last.status == 200


def test_what_vertex_does_not_take_is_refused_in_the_clients_words(place: VertexStand) -> None:
    with pytest.raises(openai.BadRequestError, match="input is not supported by provider vertex") as caught:
        openai_client(place).embeddings.create(model="gemini-embedding-001", input=["one", "two"])
    assert caught.value.code == "unsupported_by_provider"
    with pytest.raises(openai.BadRequestError, match="Precondition check failed"):
        openai_client(place).embeddings.create(model="gemini-embedding-2", input="one")
