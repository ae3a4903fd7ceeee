import pytest
from msgspec import Raw

from entresol.llm.format import Operation
from entresol.llm.model_config import CohereOptions, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("cohere")


@pytest.mark.parametrize(
    ("operation", "path"), [("chat", "/v2/chat"), ("embeddings", "/v2/embed"), ("rerank", "/v2/rerank")]
)
def test_each_operation_has_its_path(operation: Operation, path: str) -> None:
    url = PROVIDER.url(PROVIDER.format_name(operation), "command-x", True, None)
    assert url == Url("https", "api.cohere.com", 443, path)


def test_what_vectors_are_for_is_the_operators_choice_unless_they_are_of_pictures() -> None:
    made = PROVIDER.configured(ModelOptions(cohere=CohereOptions(embedding_input_type="clustering")))
    for before, after in (({}, b'"clustering"'), ({"input_type": Raw(b'"x"')}, b'"clustering"')):
        fields: dict[str, Raw] = {**before}
        made.set_fields("cohere-embed", "m", fields)
        assert bytes(fields["input_type"]) == after
    pictures = {"images": Raw(b"[]"), "input_type": Raw(b'"image"')}
    made.set_fields("cohere-embed", "m", pictures)
    assert bytes(pictures["input_type"]) == b'"image"'
    chat: dict[str, Raw] = {}
    made.set_fields("cohere-chat", "m", chat)
    assert chat == {}
    assert (made.sets_fields, PROVIDER.sets_fields, PROVIDER.configured(ModelOptions())) == (True, False, PROVIDER)
