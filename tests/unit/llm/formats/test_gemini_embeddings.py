import json

import pytest

from entresol.core.errors import ClientError
from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.format import Options, Profile
from entresol.llm.formats.gemini_embeddings import GeminiEmbeddings

FORMAT = GeminiEmbeddings()
PROFILE = Profile(provider="gemini")
PATH = "/v1beta/models/asked:batchEmbedContents"
REQUESTS = [{"model": "models/asked", "content": {"parts": [{"text": text}]}} for text in ("a", "b")]


def test_the_model_is_set_in_every_request_of_a_body_that_passes() -> None:
    opened = FORMAT.open(json.dumps({"requests": REQUESTS, "odd": 1}).encode(), PATH)
    body = json.loads(FORMAT.close(opened, "other", False, Options(dimensions=5), PROFILE))
    assert body["odd"] == 1
    assert [(each["model"], each["outputDimensionality"]) for each in body["requests"]] == [("models/other", 5)] * 2


def test_requests_that_differ_are_refused_where_they_would_have_to_be_one() -> None:
    mixed = [{**REQUESTS[0], "taskType": "CLUSTERING"}, REQUESTS[1]]
    with pytest.raises(ClientError, match="differ"):
        FORMAT.decode_request(json.dumps({"requests": mixed}).encode(), PATH)


def test_what_it_writes_it_reads() -> None:
    request = EmbeddingRequest(
        origin="x", model="m", inputs=[text_input("a")], dimensions=3, purpose="query", title="t"
    )
    again = FORMAT.decode_request(FORMAT.encode_request(request, PROFILE).body, PATH)
    assert (again.inputs, again.dimensions, again.purpose, again.title) == (request.inputs, 3, "query", "t")
    response = EmbeddingResponse(origin="x", vectors=[[1.0], [2.0]])
    assert FORMAT.decode_response(FORMAT.encode_response(response).body).vectors == response.vectors
