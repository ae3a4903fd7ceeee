import json

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.format import Options, Profile
from entresol.llm.formats.bedrock_embeddings import BedrockEmbeddings
from entresol.llm.types import Usage

FORMAT = BedrockEmbeddings()
PROFILE = Profile(provider="bedrock")
TITAN, COHERE = "amazon.titan-embed-text-v2:0", "eu.cohere.embed-v4:0"


def request(model: str, *texts: str) -> EmbeddingRequest:
    return EmbeddingRequest(origin="openai-embeddings", model=model, inputs=[text_input(text) for text in texts])


def test_the_body_is_the_models_own() -> None:
    asked = request(TITAN, "a")
    asked.dimensions, asked.encodings = 256, ["base64"]
    encoded = FORMAT.encode_request(asked, PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == ({"inputText": "a", "dimensions": 256}, [])
    asked = request(COHERE, "a", "b")
    asked.purpose, asked.truncate = "query", "end"
    assert json.loads(FORMAT.encode_request(asked, PROFILE).body) == {
        "texts": ["a", "b"], "input_type": "search_query", "truncate": "END",
    }  # fmt: skip


def test_what_titan_does_not_take_is_refused_or_reported() -> None:
    with pytest.raises(ClientError, match="one text a call"):
        FORMAT.encode_request(request(TITAN, "a", "b"), PROFILE)
    asked = request(TITAN, "a")
    asked.purpose, asked.truncate, asked.user = "query", "end", "u"
    assert FORMAT.encode_request(asked, PROFILE).dropped == ["purpose", "truncate", "user"]


def test_tokens_and_encodings_it_has_not_are_refused() -> None:
    asked = request(COHERE, "a")
    asked.inputs[0].tokens = [1]
    with pytest.raises(ClientError, match="not tokens"):
        FORMAT.encode_request(asked, PROFILE)
    asked = request(COHERE, "a")
    asked.encodings = ["int8"]
    with pytest.raises(ClientError, match="encodings"):
        FORMAT.encode_request(asked, PROFILE)


def test_a_purpose_cohere_has_not_is_reported_and_one_is_always_said() -> None:
    asked = request(COHERE, "a")
    assert json.loads(FORMAT.encode_request(asked, PROFILE).body)["input_type"] == "search_document"
    asked.purpose = "similarity"
    assert FORMAT.encode_request(asked, PROFILE).dropped == ["purpose"]


@pytest.mark.parametrize(
    ("body", "vectors", "usage"),
    [
        (b'{"embedding":[1.0],"inputTextTokenCount":4}', [[1.0]], Usage(input=4)),
        (b'{"embeddings":[[1.0],[2.0]]}', [[1.0], [2.0]], None),
        (b'{"embeddings":{"float":[[1.0]],"int8":[[1]]}}', [[1.0]], None),
    ],
)
def test_each_form_of_answer_is_read(body: bytes, vectors: list[list[float]], usage: Usage | None) -> None:
    response = FORMAT.decode_response(body)
    assert (response.vectors, response.usage) == (vectors, usage)
    assert FORMAT.response_facts(body).usage == usage


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"embeddings":{"int8":[[1]]}}', b'{"embedding":"x"}'])
def test_an_answer_without_vectors_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.decode_response(body)


def test_the_length_of_vectors_is_set_under_the_models_own_name() -> None:
    for model, name in ((TITAN, "dimensions"), (COHERE, "output_dimension")):
        opened = FORMAT.open(b'{"inputText":"a"}', f"/model/{model}/invoke")
        assert opened.model == model
        assert json.loads(FORMAT.close(opened, model, False, Options(dimensions=8), PROFILE))[name] == 8


def test_what_it_writes_it_reads() -> None:
    for vectors in ([[1.0]], [[1.0], [2.0]]):
        response = EmbeddingResponse(origin="x", vectors=vectors, usage=Usage(input=3))
        again = FORMAT.decode_response(FORMAT.encode_response(response).body)
        assert (again.vectors, again.usage) == (vectors, response.usage)
