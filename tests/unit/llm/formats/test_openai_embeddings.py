import json

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse, base64_of, text_input
from entresol.llm.format import Options, Profile
from entresol.llm.formats.openai_embeddings import OpenAIEmbeddings
from entresol.llm.types import Usage

FORMAT = OpenAIEmbeddings()
PROFILE = Profile(provider="p")


def test_the_length_of_vectors_can_be_set_for_all_calls() -> None:
    opened = FORMAT.open(b'{"model":"e","input":[[1,2]],"encoding_format":"base64","user":"u"}')
    body = FORMAT.close(opened, "e", False, Options(dimensions=8), Profile(provider="openai"))
    assert json.loads(body) == {
        "model": "e",
        "input": [[1, 2]],
        "encoding_format": "base64",
        "user": "u",
        "dimensions": 8,
    }


def test_usage_has_only_input() -> None:
    facts = FORMAT.response_facts(
        b'{"data":[{"embedding":[1]}],"model":"e","usage":{"prompt_tokens":4,"total_tokens":4}}'
    )
    assert (facts.usage, facts.model) == (Usage(input=4), "e")


@pytest.mark.parametrize(
    ("wire", "inputs"),
    [("a", [["a"]]), (["a", "b"], [["a"], ["b"]]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_each_form_of_input_is_read(wire: object, inputs: list[list[object]]) -> None:
    request = FORMAT.decode_request(json.dumps({"model": "m", "input": wire}).encode())
    assert [[each.text] if each.tokens is None else each.tokens for each in request.inputs] == inputs
    again = FORMAT.decode_request(FORMAT.encode_request(request, PROFILE).body)
    assert again.inputs == request.inputs


@pytest.mark.parametrize("wire", [None, [], 5, [None], ["a", 5], [[]], {}])
def test_an_input_that_makes_no_sense_is_refused(wire: object) -> None:
    with pytest.raises(ClientError, match="input"):
        FORMAT.decode_request(json.dumps({"model": "m", "input": wire}).encode())


def test_a_client_that_wants_base64_gets_it_whoever_answers() -> None:
    """OpenAI's own client asks for base64 unless told otherwise."""
    asked = EmbeddingRequest(origin="openai-embeddings", inputs=[text_input("a")], encodings=["base64"])
    response = EmbeddingResponse(origin="gemini-embeddings", vectors=[[0.5, -1.0]], model="m")
    FORMAT.relate(response, asked)
    answer = json.loads(FORMAT.encode_response(response).body)
    assert answer["data"] == [{"object": "embedding", "index": 0, "embedding": base64_of([0.5, -1.0])}]


def test_vectors_are_read_in_their_order_and_in_either_encoding() -> None:
    data = [{"index": 1, "embedding": base64_of([2.0])}, {"index": 0, "embedding": [1.0]}]
    response = FORMAT.decode_response(json.dumps({"data": data}).encode())
    assert response.vectors == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "data", [[{"index": 3, "embedding": [1.0]}], [{"embedding": "?"}], "x", [{"index": 0}], [{"embedding": ["a"]}]]
)
def test_an_answer_that_makes_no_sense_is_the_providers_fault(data: object) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.decode_response(json.dumps({"data": data}).encode())


def test_an_encoding_it_does_not_have_is_refused() -> None:
    request = EmbeddingRequest(origin="cohere-embed", inputs=[text_input("a")], encodings=["int8"])
    with pytest.raises(ClientError, match="encodings"):
        FORMAT.encode_request(request, PROFILE)
