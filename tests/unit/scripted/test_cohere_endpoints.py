"""Which of Cohere's endpoints is meant, and who may use it."""

from typing import Any

import pytest

from entresol.scripted.script import Break
from unit.scripted.asking import ask, events, said, user


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "command-a-03-2025", "messages": [user("Hello")], **fields}


@pytest.mark.parametrize(
    ("target", "body", "method", "status"),
    [
        ("/v2/chat", chat(), "GET", 405),
        ("/v2/chat", chat(model="unknown"), "POST", 404),
        ("/v2/chat", chat(model="scripted-500"), "POST", 500),
        ("/v2/chat", chat(messages="x"), "POST", 400),
        ("/v2/embed", {"model": "embed-v4.0"}, "POST", 400),
        ("/v2/embed", {"model": "embed-v4.0", "input_type": "search_query"}, "POST", 400),
        ("/v2/rerank", {"model": "rerank-v4.0-pro", "query": "q"}, "POST", 400),
    ],
)
def test_what_cannot_be_served_is_an_error_of_coheres(target: str, body: object, method: str, status: int) -> None:
    answered = ask(target, body, method=method)
    assert (answered.script.status, answered.wire) == (status, "cohere")
    assert sorted(said(answered)) == ["id", "message"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    assert ask("/v2/chat", raw=raw).script.status == 400


@pytest.mark.parametrize("value", ["", "Bearer wrong", "Basic x"])
def test_a_wrong_key_is_refused(value: str) -> None:
    assert ask("/v2/chat", chat(), headers={"authorization": value}).script.status == 401


def test_a_busy_server_says_when_to_come_back() -> None:
    answered = ask("/v2/chat", chat(model="scripted-429-3"))
    assert dict(answered.script.headers)[b"retry-after"] == b"3"


def test_a_stream_fails_as_coheres_do() -> None:
    answered = ask("/v2/chat", chat(model="scripted-error-midstream", stream=True))
    assert events(answered)[-1]["delta"]["finish_reason"] == "ERROR"
    assert answered.model == "scripted-error-midstream"
    garbage = ask("/v2/chat", chat(model="scripted-garbage-midstream", stream=True))
    assert garbage.script.body.endswith(b"{not json\n\n")


def test_a_connection_can_break_in_the_middle() -> None:
    answered = ask("/v2/chat", chat(model="scripted-reset-midstream", stream=True))
    assert isinstance(answered.script.steps[-1], Break)


def test_vectors_and_ranks_have_paths_of_their_own() -> None:
    assert "embeddings" in said(ask("/v2/embed", {"model": "embed-v4.0", "input_type": "clustering", "texts": ["a"]}))
    assert "results" in said(ask("/v2/rerank", {"model": "rerank-v4.0-pro", "query": "q", "documents": ["a"]}))


def test_other_paths_are_others() -> None:
    assert ask("/v2/models", chat()).wire == "openai"
