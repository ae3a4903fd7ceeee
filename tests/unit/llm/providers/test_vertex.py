import pytest

from entresol.llm.model_config import GeminiOptions, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

VERTEX = provider_named("vertex")
OPTIONS = ModelOptions(gemini=GeminiOptions(project_id="acme", location_id="europe-west1"))
PARENT = "/v1/projects/acme/locations/europe-west1"


@pytest.mark.parametrize(
    ("model", "stream", "path", "query"),
    [
        ("gemini-3.8-flash", False, "/publishers/google/models/gemini-3.8-flash:generateContent", ""),
        ("gemini-3.8-flash", True, "/publishers/google/models/gemini-3.8-flash:streamGenerateContent", "alt=sse"),
        ("claude-x@20260101", False, "/publishers/anthropic/models/claude-x@20260101:rawPredict", ""),
        ("claude-x@20260101", True, "/publishers/anthropic/models/claude-x@20260101:streamRawPredict", ""),
    ],
)
def test_a_model_is_found_at_its_publisher(model: str, stream: bool, path: str, query: str) -> None:
    made = VERTEX.configured(OPTIONS)
    url = made.url(made.format_name("chat", "openai-chat", model), model, stream, None)
    assert url == Url("https", "europe-west1-aiplatform.googleapis.com", 443, PARENT + path, query)


@pytest.mark.parametrize(
    ("client", "model", "wire", "path"),
    [
        ("anthropic-count-tokens", "gemini-x", "gemini-count-tokens", "/publishers/google/models/gemini-x:countTokens"),
        (
            "gemini-count-tokens", "claude-x@1", "anthropic-count-tokens",
            "/publishers/anthropic/models/count-tokens:rawPredict",
        ),
    ],
)  # fmt: skip
def test_tokens_are_counted_where_the_models_publisher_does(client: str, model: str, wire: str, path: str) -> None:
    made = VERTEX.configured(OPTIONS)
    assert made.format_name("count_tokens", client, model) == wire
    for stream in (False, True):
        assert made.endpoint(wire, model, stream) == (PARENT + path, "")
    assert VERTEX.profile("gemini-x").counts_whole_requests is False


def test_vectors_are_predicted() -> None:
    made = VERTEX.configured(OPTIONS)
    for client in ("openai-embeddings", "gemini-embeddings", "cohere-embed", "vertex-embeddings"):
        assert made.format_name("embeddings", client, "text-embedding-005") == "vertex-embeddings"
    path = f"{PARENT}/publishers/google/models/text-embedding-005:predict"
    assert made.endpoint("vertex-embeddings", "text-embedding-005", False) == (path, "")


def test_the_query_of_anthropics_clients_stays_here() -> None:
    made = VERTEX.configured(OPTIONS)
    assert made.url("anthropic-messages", "claude-x", False, None, "beta=true").query == ""
    assert made.url("gemini", "gemini-x", False, None, "alt=sse&x=1").query == "alt=sse&x=1"


def test_claude_gets_the_version_of_its_api_in_the_body() -> None:
    profile = VERTEX.profile("claude-x")
    assert (profile.body_version, profile.has_model_in_body) == ("vertex-2023-10-16", False)
    assert VERTEX.profile("gemini-x").body_version is None


def test_an_endpoint_of_ones_own_and_an_address_of_ones_own() -> None:
    options = ModelOptions(
        gemini=GeminiOptions(project_id="p", location_id="global", endpoint_id="77", api_endpoint="private.example")
    )
    url = VERTEX.configured(options).url("gemini", "m", False, None)
    assert url == Url("https", "private.example", 443, "/v1/projects/p/locations/global/endpoints/77:generateContent")


def test_the_global_location_has_no_prefix() -> None:
    options = ModelOptions(gemini=GeminiOptions(project_id="p", location_id="global"))
    assert VERTEX.configured(options).url("gemini", "m", False, None).host == "aiplatform.googleapis.com"


def test_kongs_gemini_with_a_project_is_vertex() -> None:
    assert provider_named("gemini").configured(OPTIONS).name == "vertex"
    assert provider_named("gemini").configured(ModelOptions()).name == "gemini"


def test_without_a_project_and_a_location_it_has_no_address() -> None:
    assert VERTEX.configured(ModelOptions()).base_url is None
    assert "project_id" in VERTEX.needs
