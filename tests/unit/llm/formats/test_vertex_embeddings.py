import json
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingInput, EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.format import Options, Profile
from entresol.llm.formats.vertex_embeddings import VertexEmbeddings
from entresol.llm.types import Image, Usage

FORMAT = VertexEmbeddings()
PROFILE = Profile(provider="vertex")
PATH = "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict"


def request(*texts: str, **fields: Any) -> EmbeddingRequest:
    given = {"model": "text-embedding-005", "inputs": [text_input(text) for text in texts], **fields}
    return EmbeddingRequest(origin="openai-embeddings", **given)


def test_a_text_is_an_instance_and_what_holds_for_all_stands_once() -> None:
    asked = request("a", "b", dimensions=256, purpose="document", title="t", truncate="none", encodings=["base64"])
    encoded = FORMAT.encode_request(asked, PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == (
        {
            "instances": [{"content": text, "task_type": "RETRIEVAL_DOCUMENT", "title": "t"} for text in ("a", "b")],
            "parameters": {"outputDimensionality": 256, "autoTruncate": False},
        },
        [],
    )
    assert json.loads(FORMAT.encode_request(request("a"), PROFILE).body) == {"instances": [{"content": "a"}]}


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [({"truncate": "start"}, ["truncate"]), ({"purpose": "image"}, ["purpose"]), ({"user": "u"}, ["user"])],
)
def test_what_it_has_no_word_for_is_reported(fields: dict[str, Any], dropped: list[str]) -> None:
    encoded = FORMAT.encode_request(request("a", **fields), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == ({"instances": [{"content": "a"}]}, dropped)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(inputs=[EmbeddingInput(tokens=[1])]), "texts only, not tokens"),
        (request(inputs=[EmbeddingInput(parts=[Image(data="aa")])]), "texts only, not images"),
        (request("a", encodings=["int8"]), "as float only"),
        (request("a", "b", model="gemini-embedding-001"), "gemini-embedding-001 takes one text a call"),
    ],
)
def test_what_would_change_the_answer_is_refused(asked: EmbeddingRequest, why: str) -> None:
    with pytest.raises(ClientError, match=why) as caught:
        FORMAT.encode_request(asked, PROFILE)
    assert caught.value.code == "unsupported_by_provider"


def test_clients_may_write_the_task_in_either_way() -> None:
    for name in ("task_type", "taskType"):
        body = {"instances": [{"content": "a", name: "CLUSTERING"}], "parameters": {"autoTruncate": True}}
        read = FORMAT.decode_request(json.dumps(body).encode(), PATH)
        assert (read.purpose, read.truncate, read.model) == ("clustering", "end", "text-embedding-005")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "instances"),
        ({"instances": []}, "instances"),
        ({"instances": [{}]}, r"instances\[0\].content"),
        ({"instances": [{"content": "a", "task_type": "ODD"}]}, r"instances\[0\].task_type"),
        ({"instances": [{"content": "a"}, {"content": "b", "title": "t"}]}, "instances: .* differ"),
        ({"instances": [{"content": "a"}], "parameters": {"autoTruncate": 1}}, "parameters.autoTruncate"),
        ({"instances": [{"content": {"parts": []}}]}, r"instances\[0\].content"),
    ],
)
def test_a_fault_of_a_request_is_named(body: object, path: str) -> None:
    with pytest.raises(ClientError, match=path) as caught:
        FORMAT.decode_request(json.dumps(body).encode(), PATH)
    assert caught.value.code == "bad_request"


def test_tokens_of_all_texts_are_added_up() -> None:
    told = [{"values": [1.0], "statistics": {"token_count": count, "truncated": False}} for count in (6.0, 7)]
    body = json.dumps({"predictions": [{"embeddings": each} for each in told]}).encode()
    response = FORMAT.decode_response(body)
    assert (response.vectors, response.usage, response.extra) == ([[1.0], [1.0]], Usage(input=13), {})
    assert FORMAT.response_facts(body).usage == Usage(input=13)


def test_where_no_tokens_are_told_none_are_known() -> None:
    body = b'{"predictions":[{"embeddings":{"values":[1.0]}}]}'
    assert FORMAT.decode_response(body).usage is FORMAT.response_facts(body).usage is None


def test_that_a_text_was_cut_is_not_kept_from_the_client() -> None:
    body = b'{"predictions":[{"embeddings":{"values":[1.0],"statistics":{"truncated":true,"token_count":2048}}}]}'
    response = FORMAT.decode_response(body)
    assert response.extra == {"statistics.truncated": True}
    assert json.loads(FORMAT.encode_response(response).body)["predictions"][0]["embeddings"]["statistics"]["truncated"]
    response.origin = "another"
    assert FORMAT.encode_response(response).dropped == ["statistics.truncated"]


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"predictions":[{}]}', b'{"predictions":[{"embeddings":{}}]}'])
def test_an_answer_without_vectors_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.decode_response(body)


def test_an_error_with_status_200_is_an_error() -> None:
    facts = FORMAT.response_facts(b'{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}')
    assert facts.error is not None
    assert (facts.error.status, facts.error.message) == (429, "slow down")


def test_the_length_of_vectors_joins_what_the_client_says() -> None:
    opened = FORMAT.open(b'{"instances":[{"content":"a"}],"parameters":{"autoTruncate":false},"odd":1}', PATH)
    assert opened.model == "text-embedding-005"
    body = json.loads(FORMAT.close(opened, "other", False, Options(dimensions=8), PROFILE))
    assert body == {
        "instances": [{"content": "a"}], "parameters": {"autoTruncate": False, "outputDimensionality": 8}, "odd": 1,
    }  # fmt: skip
    with pytest.raises(ClientError, match="parameters"):
        FORMAT.close(FORMAT.open(b'{"parameters":[]}', PATH), "m", False, Options(dimensions=8), PROFILE)


def test_what_it_writes_it_reads() -> None:
    asked = request("a", "b", dimensions=3, purpose="query", title="t", truncate="end")
    again = FORMAT.decode_request(FORMAT.encode_request(asked, PROFILE).body, PATH)
    assert (again.inputs, again.dimensions, again.purpose, again.title, again.truncate) == (
        asked.inputs, 3, "query", "t", "end",
    )  # fmt: skip
    response = EmbeddingResponse(origin="x", vectors=[[1.0], [2.0]], usage=Usage(input=3))
    read = FORMAT.decode_response(FORMAT.encode_response(response).body)
    assert (read.vectors, read.usage) == (response.vectors, response.usage)
