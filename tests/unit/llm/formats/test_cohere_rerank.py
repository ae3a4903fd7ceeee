import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Profile
from entresol.llm.formats.cohere_rerank import CohereRerank
from entresol.llm.registry import format_named
from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse
from entresol.llm.types import JsonObject, Usage

RERANK = CohereRerank()
PROFILE = Profile(provider="cohere")


def test_it_is_registered() -> None:
    assert isinstance(format_named("cohere-rerank"), CohereRerank)
    assert (RERANK.operation, RERANK.prompt_field) == ("rerank", "query")


@given(
    st.lists(st.text(max_size=5), min_size=1), st.text(), st.none() | st.integers(1, 9), st.none() | st.integers(1, 99)
)
def test_requests_come_back(documents: list[str], query: str, top_n: int | None, limit: int | None) -> None:
    request = RerankRequest(origin="cohere-rerank", model="m", query=query, documents=[*documents], top_n=top_n)
    request.max_tokens_per_document, request.extra = limit, {"priority": 1}
    assert RERANK.decode_request(RERANK.encode_request(request, PROFILE).body) == request


def test_documents_of_others_become_texts() -> None:
    documents: list[str | JsonObject] = ["a", {"text": "b"}, {"text": "c", "title": "C"}]
    request = RerankRequest(origin="other", query="q", documents=documents, return_documents=True, extra={"x": 1})
    encoded = RERANK.encode_request(request, PROFILE)
    assert json.loads(encoded.body)["documents"] == ["a", "b", '{"text":"c","title":"C"}']
    assert encoded.dropped == ["x"]


@pytest.mark.parametrize(
    "wrong", [b"{}", b"[]", b'{"query":"q"}', b'{"documents":["a"]}', b'{"query":"q","documents":[{"text":"a"}]}']
)
def test_a_request_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        RERANK.decode_request(wrong)


def test_answers_come_back_the_best_first() -> None:
    spans = [{"start": 0, "end": 1}]
    wire = {
        "id": "i",
        "results": [
            {"index": 0, "relevance_score": 0.1},
            {"index": 1, "relevance_score": 0.9, "relevant_spans": spans},
        ],
        "meta": {"billed_units": {"search_units": 1, "input_tokens": 4}, "warnings": ["w"]},
    }
    response = RERANK.decode_response(json.dumps(wire).encode())
    assert [each.index for each in response.results] == [1, 0]
    assert (response.searches, response.usage) == (1, Usage(input=4))
    written = json.loads(RERANK.encode_response(response).body)
    assert written["results"][0] == {"index": 1, "relevance_score": 0.9, "relevant_spans": spans}
    assert written["meta"] == wire["meta"] | {"api_version": {"version": "2"}}  # type: ignore[operator]


def test_a_place_beyond_the_documents_is_told() -> None:
    response = RerankResponse(origin="other", results=[RankedDocument(index=1, score=1.0)])
    RERANK.relate(response, RerankRequest(origin="cohere-rerank", query="q", documents=["a"]))
    with pytest.raises(UpstreamError, match="no place"):
        RERANK.encode_response(response)


@pytest.mark.parametrize("wrong", [b"<html>", b"{}", b'{"results":[{"index":0}]}', b'{"results":[{"index":"0"}]}'])
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        RERANK.decode_response(wrong)


def test_facts_are_read_from_meta() -> None:
    facts = RERANK.response_facts(b'{"id":"i","results":[],"meta":{"billed_units":{"search_units":1}}}')
    assert (facts.usage, facts.response_id, facts.is_complete) == (None, "i", True)
    assert RERANK.response_facts(b'{"message":"broken"}').error is not None
