"""Counting tokens at Vertex AI."""

from typing import Any

import pytest

from entresol.scripted.endpoints import Answered
from unit.scripted.asking import ask, said

PARENT = "/v1/projects/p/locations/l/publishers"
GEMINI = f"{PARENT}/google/models/gemini-3.8-flash:countTokens"
CLAUDE = f"{PARENT}/anthropic/models/count-tokens:rawPredict"
CONTENTS: Any = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
MESSAGES: Any = {
    "model": "claude-sonnet-5-5", "anthropic_version": "vertex-2023-10-16",
    "messages": [{"role": "user", "content": "Hello"}],
}  # fmt: skip


def asked(path: str, body: Any, key: str = "scripted-key") -> Answered:
    return ask(path, body, headers={"authorization": f"Bearer {key}"})


def test_both_publishers_models_are_counted() -> None:
    gemini, claude = asked(GEMINI, CONTENTS), asked(CLAUDE, MESSAGES)
    assert said(gemini)["totalTokens"] == said(claude)["input_tokens"] == 5
    assert (gemini.wire, gemini.model) == ("gemini", "gemini-3.8-flash")
    assert (claude.wire, claude.model) == ("anthropic", "claude-sonnet-5-5")


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (asked(GEMINI, CONTENTS, "wrong"), 400),
        (asked(CLAUDE, MESSAGES, "wrong"), 401),
        (asked(GEMINI.replace("gemini-3", "llama-3"), CONTENTS), 404),
        (asked(CLAUDE, {**MESSAGES, "model": "gemini-x"}), 404),
        (asked(CLAUDE, {**MESSAGES, "model": "scripted-529"}), 529),
        (asked(CLAUDE, {**MESSAGES, "anthropic_version": "2023-06-01"}), 400),
        (asked(CLAUDE, {**MESSAGES, "max_tokens": 1}), 400),
        (asked(CLAUDE, []), 400),
        (asked(GEMINI, {"generateContentRequest": CONTENTS}), 400),
    ],
)
def test_what_vertex_refuses(answered: Answered, status: int) -> None:
    assert answered.script.status == status
