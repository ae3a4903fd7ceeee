import pytest

from entresol.llm.format import Operation
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("cohere")


@pytest.mark.parametrize(
    ("operation", "path"), [("chat", "/v2/chat"), ("embeddings", "/v2/embed"), ("rerank", "/v2/rerank")]
)
def test_each_operation_has_its_path(operation: Operation, path: str) -> None:
    url = PROVIDER.url(PROVIDER.format_name(operation), "command-x", True, None)
    assert url == Url("https", "api.cohere.com", 443, path)
