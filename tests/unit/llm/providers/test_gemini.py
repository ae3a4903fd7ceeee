import pytest

from entresol.llm.format import Operation
from entresol.llm.registry import format_named, provider_named

PROVIDER = provider_named("gemini")


@pytest.mark.parametrize(
    ("operation", "wire_format", "path"),
    [
        ("chat", "gemini", "/v1beta/models/the-model:generateContent"),
        ("embeddings", "gemini-embeddings", "/v1beta/models/the-model:batchEmbedContents"),
        ("count_tokens", "gemini-count-tokens", "/v1beta/models/the-model:countTokens"),
    ],
)
def test_each_operation_has_its_format_and_path(operation: Operation, wire_format: str, path: str) -> None:
    assert PROVIDER.format_name(operation) == wire_format
    assert format_named(wire_format).operation == operation
    assert PROVIDER.endpoint(wire_format, "the-model", False) == (path, "")


@pytest.mark.parametrize("wire_format", ["gemini-embeddings", "gemini-embed-content", "gemini-count-tokens"])
def test_what_never_streams_goes_to_the_same_place_when_a_stream_is_wanted(wire_format: str) -> None:
    assert PROVIDER.endpoint(wire_format, "m", True) == PROVIDER.endpoint(wire_format, "m", False)


def test_it_is_where_and_wants_its_key_where_its_documentation_says() -> None:
    base = PROVIDER.base_url
    assert (
        None if base is None else f"{base.scheme}://{base.host}:{base.port}"
    ) == "https://generativelanguage.googleapis.com:443"
    assert (PROVIDER.auth.header, PROVIDER.auth.prefix) == (b"x-goog-api-key", "")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
        ("models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
        ("a/b?c", "/v1beta/models/a%2Fb%3Fc:streamGenerateContent"),
    ],
)
def test_model_and_way_of_answering_stand_in_the_path(model: str, path: str) -> None:
    assert PROVIDER.endpoint("gemini", model, True) == (path, "alt=sse")
