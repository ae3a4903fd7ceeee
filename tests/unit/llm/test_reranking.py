import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse, check_places, text_of_document


def ranked(*places: tuple[int, float], documents: int | None = None) -> RerankResponse:
    asked = None if documents is None else RerankRequest(origin="o", query="q", documents=["d"] * documents)
    results = [RankedDocument(index=index, score=score) for index, score in places]
    return RerankResponse(origin="o", results=results, asked=asked)


def test_an_answer_names_documents_by_their_place_in_the_request() -> None:
    request = RerankRequest(origin="o", query="q", documents=["a", {"text": "b"}])
    response = RerankResponse(origin="o", results=[RankedDocument(index=1, score=0.9)], asked=request)
    assert response.asked is not None
    assert response.asked.documents[response.results[0].index] == {"text": "b"}


def test_the_best_come_first() -> None:
    response = ranked((0, 0.1), (2, 0.9), (1, 0.1))
    check_places(response)
    assert [each.index for each in response.results] == [2, 0, 1]


@pytest.mark.parametrize("places", [[(0, 1.0), (0, 0.5)], [(-1, 1.0)], [(2, 1.0)]])
def test_a_place_that_is_none_or_comes_twice_is_told(places: list[tuple[int, float]]) -> None:
    with pytest.raises(UpstreamError, match="no place of a document"):
        check_places(ranked(*places, documents=2))


def test_a_document_is_a_text_wherever_it_must_be() -> None:
    assert text_of_document("a") == "a"
    assert text_of_document({"text": "a"}) == "a"
    assert text_of_document({"text": "a", "title": "b"}) == '{"text":"a","title":"b"}'
    assert text_of_document({"text": 3}) == '{"text":3}'
