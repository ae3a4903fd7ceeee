from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse


def test_an_answer_names_documents_by_their_place_in_the_request() -> None:
    request = RerankRequest(origin="o", query="q", documents=["a", {"text": "b"}])
    response = RerankResponse(origin="o", results=[RankedDocument(index=1, score=0.9)], asked=request)
    assert response.asked is not None
    assert response.asked.documents[response.results[0].index] == {"text": "b"}
