import pytest

from entresol.llm.format import Operation
from entresol.llm.registry import format_named, provider_named

PROVIDER = provider_named("openai")


@pytest.mark.parametrize(
    ("operation", "wire_format", "path"),
    [
        ("chat", "openai-chat", "/v1/chat/completions"),
        ("embeddings", "openai-embeddings", "/v1/embeddings"),
    ],
)
def test_each_operation_has_its_format_and_path(operation: Operation, wire_format: str, path: str) -> None:
    assert PROVIDER.format_name(operation) == wire_format
    assert format_named(wire_format).operation == operation
    assert PROVIDER.endpoint(wire_format, "the-model", False) == (path, "")


def test_it_is_where_and_wants_its_key_where_its_documentation_says() -> None:
    base = PROVIDER.base_url
    assert (None if base is None else f"{base.scheme}://{base.host}:{base.port}") == "https://api.openai.com:443"
    assert (PROVIDER.auth.header, PROVIDER.auth.prefix) == (b"authorization", "Bearer ")


def test_the_token_limit_has_its_new_name() -> None:
    profile = PROVIDER.profile("gpt-5")
    assert (profile.max_tokens_field, profile.has_developer_role) == ("max_completion_tokens", True)
    assert "top_k" in profile.unsupported


@pytest.mark.parametrize(
    ("model", "marks"),
    [
        ("gpt-5.5", False),
        ("gpt-5.6", True),
        ("gpt-5.6-luna", True),
        ("gpt-5.10-mini", True),
        ("gpt-6-astra", True),
        ("ft:gpt-6.1-sol:org::id", True),
        ("gpt-4.1-mini", False),
        ("gpt-5", False),
        ("o3", False),
        ("a-model-to-come", False),
    ],
)
def test_what_to_cache_is_marked_for_models_that_take_marks(model: str, marks: bool) -> None:
    assert PROVIDER.profile(model).takes_cache_marks is marks


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-4o", False),
        ("gpt-4.1-mini", False),
        ("gpt-3.5-turbo", False),
        ("ft:gpt-4o-mini:org::id", False),
        ("chatgpt-4o-latest", False),
        ("gpt-5", True),
        ("gpt-5.1-mini", True),
        ("o3", True),
        ("o4-mini", True),
        ("a-model-to-come", True),
    ],
)
def test_only_models_that_reason_are_told_how_much(model: str, reasons: bool) -> None:
    profile = PROVIDER.profile(model)
    assert ("reasoning" not in profile.unsupported) is reasons
    assert (profile.max_tokens_field, "top_k" in profile.unsupported) == ("max_completion_tokens", True)
