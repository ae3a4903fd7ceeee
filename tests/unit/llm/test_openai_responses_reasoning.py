import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_responses_reasoning import read_reasoning, read_seal, seal, write_reasoning
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, Thinking


def read(item: JsonObject) -> Thinking | None:
    return read_reasoning(ObjectReader(item, "input[0]", bad_request))


def losses(origin: str = "anthropic-messages") -> Losses:
    return Losses(ChatRequest(origin=origin, messages=[]), "openai-responses", frozenset(), Profile(provider="openai"))


SUMMARY = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]


@pytest.mark.parametrize(
    ("item", "thinking"),
    [
        ({"summary": SUMMARY}, Thinking(text="a\n\nb")),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "c"}]}, Thinking(text="c")),
        ({"summary": SUMMARY, "encrypted_content": "enc"}, Thinking(text="a\n\nb", signature="openai:enc")),
        ({"summary": [], "encrypted_content": "enc"}, Thinking(redacted="openai:enc")),
        ({"summary": [], "encrypted_content": "gemini:s"}, Thinking(signature="gemini:s")),
        ({"summary": [], "encrypted_content": "redacted:anthropic:r"}, Thinking(redacted="anthropic:r")),
        (
            {"summary": [], "encrypted_content": "e", "id": "rs_1", "x": 1},
            Thinking(redacted="openai:e", extra={"x": 1}),
        ),
        ({"id": "rs_1", "summary": []}, None),
    ],
)
def test_reasoning_is_read(item: JsonObject, thinking: Thinking | None) -> None:
    assert read(item) == thinking


def test_a_summary_of_another_kind_is_refused() -> None:
    with pytest.raises(ClientError, match="expected summary_text"):
        read({"summary": [{"type": "text", "text": "a"}]})


@pytest.mark.parametrize(
    ("signature", "redacted"),
    [("openai:e", None), ("anthropic:s", None), ("gemini:s", None), (None, "anthropic:r"), (None, None)],
)
def test_what_is_sealed_for_a_client_comes_back_the_same(signature: str | None, redacted: str | None) -> None:
    assert read_seal(seal(signature, redacted), has_text=True) == (signature, redacted)


def test_encrypted_reasoning_without_words_comes_back_the_same() -> None:
    assert read_seal(seal(None, "openai:e"), has_text=False) == (None, "openai:e")


def test_openai_gets_its_own_reasoning_back_bare() -> None:
    told = losses()
    assert write_reasoning(Thinking(text="a", signature="openai:e"), told) == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": "e"}
    ]
    assert write_reasoning(Thinking(redacted="openai:e"), told) == [
        {"type": "reasoning", "summary": [], "encrypted_content": "e"}
    ]
    assert told.finish() == []


def test_reasoning_of_others_is_left_out_and_told() -> None:
    told = losses()
    assert write_reasoning(Thinking(text="a", signature="anthropic:s"), told) == []
    assert told.finish() == ["messages[].content[].thinking", "messages[].content[].signature"]
