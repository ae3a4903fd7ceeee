import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.embeddings import (
    EmbeddingInput,
    EmbeddingRequest,
    base64_of,
    first_strange,
    left_over,
    text_input,
    texts_of,
    vector_of,
)
from entresol.llm.types import Image, Text


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_a_vector_survives_base64(vector: list[float]) -> None:
    assert vector_of(base64_of(vector)) == vector


@pytest.mark.parametrize("text", ["AAA", "AAAA!", "AAA="])
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        vector_of(text)


def test_inputs_as_texts() -> None:
    parts: list[Text | Image] = [Text(text="b"), Text(text="c")]
    request = EmbeddingRequest(origin="o", inputs=[text_input("a"), EmbeddingInput(parts=parts)])
    assert texts_of(request) == ["a", "bc"]
    request.inputs.append(EmbeddingInput(tokens=[1]))
    assert (texts_of(request), first_strange(request)) == (None, "tokens")
    request.inputs[2] = EmbeddingInput(parts=[Image(url="https://x")])
    assert (texts_of(request), first_strange(request)) == (None, "image")


def test_what_another_formats_answer_has_beside_the_vectors_is_named() -> None:
    assert (left_over({"a": 1}, False), left_over({"a": 1}, True)) == (["a"], [])
