"""Vectors by Vertex AI's predict."""

from typing import Any

import pytest

from entresol.scripted.endpoints import Answered
from unit.scripted.asking import ask, said

MODELS = "/v1/projects/p/locations/l/publishers/google/models"


def asked(*instances: Any, model: str = "text-embedding-005", key: str = "scripted-key", **fields: Any) -> Answered:
    body = {"instances": list(instances), **fields}
    return ask(f"{MODELS}/{model}:predict", body, headers={"authorization": f"Bearer {key}"})


def text(content: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"content": content, **fields}


def test_each_text_gets_a_vector_and_its_tokens() -> None:
    predictions = said(asked(text("Hello"), text("Hello, world"), parameters={"outputDimensionality": 4}))[
        "predictions"
    ]
    assert [len(each["embeddings"]["values"]) for each in predictions] == [4, 4]
    assert [each["embeddings"]["statistics"] for each in predictions] == [
        {"truncated": False, "token_count": 2}, {"truncated": False, "token_count": 3},
    ]  # fmt: skip


def test_a_long_text_is_cut_unless_it_must_not_be() -> None:
    long = text("word " * 4000)
    assert said(asked(long))["predictions"][0]["embeddings"]["statistics"] == {"truncated": True, "token_count": 2048}
    assert asked(long, parameters={"autoTruncate": False}).script.status == 400


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (asked(text(), key="wrong"), 400),
        (asked(text(), model="llama-3"), 404),
        (asked(text(), model="text-embedding-scripted-429"), 429),
        (asked(), 400),
        (
            asked(
                text(""),
            ),
            400,
        ),
        (asked("Hello"), 400),
        (asked(text(task_type="search_query")), 400),
        (asked(text(), parameters={"dimensions": 4}), 400),
        (asked(text(title="t", task_type="RETRIEVAL_QUERY")), 400),
        (asked(text(), text(), model="gemini-embedding-001"), 400),
        (asked(text(), model="gemini-embedding-2"), 400),
    ],
)
def test_what_vertex_refuses(answered: Answered, status: int) -> None:
    assert answered.script.status == status
    assert said(answered)["error"]["code"] == status
