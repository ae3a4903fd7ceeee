import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Profile
from entresol.llm.formats.rerank import Rerank
from entresol.llm.registry import format_named
from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse
from entresol.llm.types import Usage

RERANK = Rerank()
PROFILE = Profile(provider="vllm")
DOCUMENTS = st.lists(st.text(max_size=5) | st.fixed_dictionaries({"text": st.text(max_size=5)}), min_size=1)


def test_it_is_registered() -> None:
    assert isinstance(format_named("rerank"), Rerank)
    assert (RERANK.operation, RERANK.prompt_field) == ("rerank", "query")


@given(DOCUMENTS, st.text(), st.none() | st.integers(1, 9), st.none() | st.booleans())
def test_requests_come_back(documents: list[Any], query: str, top_n: int | None, wants: bool | None) -> None:
    request = RerankRequest(origin="rerank", model="m", query=query, documents=documents, top_n=top_n)
    request.return_documents, request.extra = wants, {"truncation": True}
    assert RERANK.decode_request(RERANK.encode_request(request, PROFILE).body) == request


@pytest.mark.parametrize(
    "wrong",
    [
        b"{}",
        b'{"query":"q"}',
        b'{"query":"q","documents":[]}',
        b'{"query":"q","documents":"a"}',
        b'{"query":"q","documents":[1]}',
        b'{"query":{"image":"x"},"documents":["a"]}',
    ],
)
def test_a_request_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        RERANK.decode_request(wrong)


@pytest.mark.parametrize(
    ("wire", "document"),
    [
        ({"results": [{"index": 0, "relevance_score": 0.5, "document": {"text": "a"}}]}, {"text": "a"}),
        ({"data": [{"index": 0, "relevance_score": 0.5, "document": "a"}]}, "a"),
        ([{"index": 0, "score": 0.5, "text": "a"}], "a"),
        ([{"index": 0, "score": 0.5}], None),
    ],
)
def test_answers_are_read_in_every_way_in_which_they_come(wire: Any, document: Any) -> None:
    response = RERANK.decode_response(json.dumps(wire).encode())
    assert response.results == [RankedDocument(index=0, score=0.5, document=document)]


@pytest.mark.parametrize(
    ("wants", "document"), [(None, {"document": {"text": "a"}}), (True, {"document": {"text": "a"}}), (False, {})]
)
def test_documents_come_back_from_the_request(wants: bool | None, document: dict[str, Any]) -> None:
    response = RerankResponse(origin="other", results=[RankedDocument(index=0, score=0.5)], searches=1, extra={"x": 1})
    RERANK.relate(response, RerankRequest(origin="rerank", query="q", documents=["a"], return_documents=wants))
    encoded = RERANK.encode_response(response)
    assert json.loads(encoded.body)["results"] == [{"index": 0, "relevance_score": 0.5} | document]
    assert encoded.dropped == ["meta.billed_units.search_units", "x"]


@pytest.mark.parametrize(
    "wrong",
    [b"<html>", b"{}", b'{"results":[{"index":0}]}', b'{"results":[{"index":-1,"score":1}]}', b'[{"score":1}]', b"3"],
)
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        RERANK.decode_response(wrong)


def test_facts_are_read() -> None:
    facts = RERANK.response_facts(b'{"id":"i","model":"m","results":[],"usage":{"total_tokens":3}}')
    assert (facts.usage, facts.model, facts.response_id) == (Usage(input=3), "m", "i")
    assert RERANK.response_facts(b"[]").usage is None
    assert RERANK.response_facts(b'{"error":{"message":"broken"}}').error is not None
    with pytest.raises(UpstreamError):
        RERANK.response_facts(b"{}")
    assert not RERANK.stream_facts(b"data: [DONE]\n\n", None).is_complete


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (b'{"model":"m","usage":{"total_tokens":3},"results":[', b"]}"),
        (b'{"model":"m","results":[', b'],"usage":{"prompt_tokens":3}}'),
    ],
)
def test_a_large_answer_is_read_at_its_ends(head: bytes, tail: bytes) -> None:
    facts = RERANK.fragment_facts(head, tail)
    assert (facts.usage, facts.model) == (Usage(input=3), "m")
