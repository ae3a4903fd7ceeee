"""Which of Ollama's endpoints is meant, and who may use it."""

from typing import Any

import pytest

from entresol.scripted.script import Break
from unit.scripted.asking import ask, said, user


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "llama3.2", "messages": [user("Hello")], **fields}


def test_embeddings_are_vectors_of_one_length() -> None:
    value = said(ask("/api/embed", {"model": "nomic-embed-text", "input": ["a b", "c"], "dimensions": 4}))
    assert [len(vector) for vector in value["embeddings"]] == [4, 4]
    assert value["prompt_eval_count"] == 2
    assert len(said(ask("/api/embed", {"model": "nomic-embed-text", "input": "a"}))["embeddings"]) == 1
    old = said(ask("/api/embeddings", {"model": "nomic-embed-text", "prompt": "a"}))
    assert len(old["embedding"]) == 8


def test_models_are_listed() -> None:
    names = [row["name"] for row in said(ask("/api/tags", method="GET"))["models"]]
    assert "llama3.2:latest" in names
    assert "version" in said(ask("/api/version", method="GET"))


@pytest.mark.parametrize(
    ("target", "body", "method", "status"),
    [
        ("/api/chat", chat(), "GET", 405),
        ("/api/tags", None, "POST", 405),
        ("/api/chat", chat(model="unknown"), "POST", 404),
        ("/api/chat", chat(model="scripted-500"), "POST", 500),
        ("/api/embed", {"model": "nomic-embed-text"}, "POST", 400),
        ("/api/embed", {"model": "nomic-embed-text", "input": [1]}, "POST", 400),
        ("/api/generate", {"model": "llama3.2", "prompt": "x", "raw": True, "system": "y"}, "POST", 400),
        ("/api/generate", {"model": "llama3.2", "prompt": "x", "messages": []}, "POST", 400),
    ],
)
def test_what_cannot_be_served_is_an_error_of_ollamas(target: str, body: object, method: str, status: int) -> None:
    answered = ask(target, body, method=method)
    assert answered.script.status == status
    assert list(said(answered)) == ["error"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    assert ask("/api/chat", raw=raw).script.status == 400


def test_a_wrong_key_is_refused_and_none_is_needed() -> None:
    assert ask("/api/chat", chat(), headers={"authorization": "Bearer wrong"}).script.status == 401
    assert ask("/api/chat", chat()).script.status == 200


def test_a_busy_server_says_when_to_come_back() -> None:
    answered = ask("/api/chat", chat(model="scripted-429-3"))
    assert dict(answered.script.headers)[b"retry-after"] == b"3"


@pytest.mark.parametrize(
    ("fault", "last"),
    [("error-midstream", b'CUDA error"}\n'), ("garbage-midstream", b"{not json\n")],
)
def test_faults_are_lines_of_the_stream(fault: str, last: bytes) -> None:
    answered = ask("/api/chat", chat(model=f"scripted-{fault}"))
    assert answered.script.body.endswith(last)
    assert answered.model == f"scripted-{fault}"


def test_a_connection_can_break_in_the_middle() -> None:
    assert isinstance(ask("/api/chat", chat(model="scripted-reset-midstream")).script.steps[-1], Break)


def test_other_paths_are_others() -> None:
    assert ask("/api/v1/chat/completions", chat()).wire == "openai"
