"""`/v1/rerank`: what it answers, and what it refuses."""

from typing import Any

import pytest

from unit.scripted.asking import ask, said


def rerank(**fields: Any) -> dict[str, Any]:
    return {"model": "bge-reranker-v2-m3", "query": "red car", "documents": ["blue sky", "a red car"], **fields}


def test_the_best_comes_first_with_its_document() -> None:
    answer = said(ask("/v1/rerank", rerank()))
    assert [result["index"] for result in answer["results"]] == [1, 0]
    assert answer["results"][0]["document"] == {"text": "a red car"}
    assert answer["usage"]["total_tokens"] == 9
    assert len(said(ask("/v1/rerank", rerank(top_n=1)))["results"]) == 1
    assert "document" not in said(ask("/v1/rerank", rerank(return_documents=False)))["results"][0]


def test_documents_may_be_objects() -> None:
    answer = said(ask("/v1/rerank", rerank(documents=[{"text": "a", "title": "b"}])))
    assert answer["results"][0]["document"] == {"text": "a", "title": "b"}


@pytest.mark.parametrize(
    ("body", "method", "status"),
    [
        (rerank(), "GET", 405),
        (rerank(model="unknown"), "POST", 404),
        (rerank(model="scripted-503"), "POST", 503),
        (rerank(documents=[]), "POST", 400),
        (rerank(documents=[3]), "POST", 400),
        (rerank(top_k=1), "POST", 400),
        ([], "POST", 400),
    ],
)
def test_what_cannot_be_served_is_an_error(body: object, method: str, status: int) -> None:
    answered = ask("/v1/rerank", body, method=method)
    assert (answered.script.status, answered.wire) == (status, "rerank")
    assert "message" in said(answered)["error"]


def test_keys_and_bodies_are_checked() -> None:
    assert ask("/v1/rerank", rerank(), headers={"authorization": "Bearer wrong"}).script.status == 401
    assert ask("/v1/rerank", raw=b"{").script.status == 400
    assert ask("/v1/reranker", rerank()).wire == "openai"
