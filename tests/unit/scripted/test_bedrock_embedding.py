"""Embedding models behind Bedrock's InvokeModel."""

from typing import Any

import pytest

from entresol.scripted.bedrock_embedding import embed, is_embedding_model
from entresol.scripted.script import Refusal

from .asking import ask, said

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"


def test_titan_makes_one_vector() -> None:
    answer = embed({"inputText": "Hello there", "dimensions": 256}, TITAN)
    assert len(answer["embedding"]) == 256
    assert answer["inputTextTokenCount"] == 3


def test_cohere_makes_a_vector_for_each_text() -> None:
    answer = embed({"texts": ["a", "b"], "input_type": "search_query"}, COHERE)
    assert [len(vector) for vector in answer["embeddings"]] == [8, 8]


@pytest.mark.parametrize(
    ("model", "body", "why"),
    [
        (TITAN, {}, "required key"),
        (TITAN, {"inputText": ["x"]}, "expected string"),
        (TITAN, {"inputText": "x", "dimensions": 300}, "not a valid enum value"),
        (TITAN, {"inputText": "x", "input_type": "search_query"}, "extraneous key"),
        ("amazon.titan-embed-text-v1", {"inputText": "x", "dimensions": 256}, "extraneous key"),
        (COHERE, {"texts": ["x"]}, "required key"),
        (COHERE, {"texts": [], "input_type": "search_query"}, "expected 1"),
        (COHERE, {"texts": ["x"], "input_type": "query"}, "expected"),
        (COHERE, [], "expected object"),
    ],
)
def test_what_the_models_refuse_is_refused(model: str, body: Any, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        embed(body, model)


def test_other_models_make_no_vectors() -> None:
    assert is_embedding_model(TITAN)
    assert is_embedding_model(COHERE)
    assert not is_embedding_model("anthropic.claude-3-haiku-20240307-v1:0")


def test_they_are_invoked_and_never_stream() -> None:
    assert "embedding" in said(ask(f"/model/{TITAN}/invoke", {"inputText": "x"}))
    for action in ("invoke-with-response-stream", "converse"):
        assert ask(f"/model/{TITAN}/{action}", {"inputText": "x"}).script.status == 400
