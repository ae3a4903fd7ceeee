import pytest

from entresol.llm.format import Operation
from entresol.llm.registry import format_named, provider_named

PROVIDER = provider_named("anthropic")


@pytest.mark.parametrize(
    ("operation", "wire_format", "path"),
    [
        ("chat", "anthropic-messages", "/v1/messages"),
    ],
)
def test_each_operation_has_its_format_and_path(operation: Operation, wire_format: str, path: str) -> None:
    assert PROVIDER.format_name(operation) == wire_format
    assert format_named(wire_format).operation == operation
    assert PROVIDER.endpoint(wire_format, "the-model", False) == (path, "")


def test_it_is_where_and_wants_its_key_where_its_documentation_says() -> None:
    base = PROVIDER.base_url
    assert (None if base is None else f"{base.scheme}://{base.host}:{base.port}") == "https://api.anthropic.com:443"
    assert (PROVIDER.auth.header, PROVIDER.auth.prefix) == (b"x-api-key", "")


def test_every_call_names_the_version_of_the_api() -> None:
    assert PROVIDER.version_headers["anthropic-messages"] == (b"anthropic-version", "2023-06-01")


@pytest.mark.parametrize(
    ("version", "is_refused"),
    [("", False), ("2023-06-01", False), ("2026-10-20", False), ("2026-10-21", True), ("2027-01-01", True),
     ("vertex-2023-10-16", False)],
)  # fmt: skip
def test_newer_versions_of_the_api_take_no_sampling_parameters(version: str, is_refused: bool) -> None:
    refused = {"temperature", "top_p", "top_k"} if is_refused else set()
    assert PROVIDER.profile("claude-sonnet-4-5", version).unsupported == refused
