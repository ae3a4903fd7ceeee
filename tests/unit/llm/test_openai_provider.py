import pytest

from entresol.llm.openai_provider import WHOLE_API, WIRES, OpenAIProvider, formats_of, paths_of


class Example(OpenAIProvider):
    """A server that has two ways of chatting."""

    name = "example"
    version_path = "/api/v1"
    wires = ("openai-responses", "openai-chat", "openai-embeddings")
    unsupported = ("seed",)


def test_paths_and_formats_follow_from_the_wires() -> None:
    made = Example()
    assert made.paths["openai-embeddings"] == "/api/v1/embeddings"
    assert made.formats == {"chat": "openai-responses", "embeddings": "openai-embeddings"}
    assert made.profile("m").unsupported == {"seed"}


def test_every_wire_of_openais_is_part_of_the_whole_api() -> None:
    assert set(WIRES) - set(WHOLE_API) == {"rerank", "anthropic-messages"}
    assert formats_of(WHOLE_API)["chat"] == "openai-chat"


@pytest.mark.parametrize("wire", WIRES)
def test_every_wire_has_a_path(wire: str) -> None:
    assert paths_of("/v9", (wire,))[wire].startswith("/v9/")
