from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile
from entresol.llm.single_prompt import prompt_of, report_reasoning, words_of_answer
from entresol.llm.types import (
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
)


def turn(role: Role, *parts: Part) -> Message:
    return Message(role=role, parts=list(parts))


def losses() -> Losses:
    request = ChatRequest(origin="openai-chat", messages=[])
    return Losses(request, "openai-completions", frozenset(), Profile(provider="p"))


def test_the_users_words_follow_those_of_the_system() -> None:
    lost = losses()
    messages = [
        turn("user", Text(text="Hi", cache=CacheMark()), Document(text="note", name="n")),
        turn("system", Text(text="Be brief.")),
    ]
    assert prompt_of(messages, lost, "why") == "Be brief.\n\nHi\nnote"
    assert lost.finish() == [
        "messages[].content[].cache_control",
        "messages[].content[].title",
        "messages[].position",
    ]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [turn("user", Text(text="a")), turn("assistant", Text(text="b"))],
        [turn("assistant", Text(text="b"))],
        [turn("user", Image(url="https://example.com/a.png"))],
        [turn("user", Native(type="x", value={}))],
    ],
)
def test_what_is_not_one_prompt_of_words_is_refused(messages: list[Message]) -> None:
    with pytest.raises(ClientError, match="only one prompt"):
        prompt_of(messages, losses(), "only one prompt")


@pytest.mark.parametrize(
    ("reasoning", "told"),
    [
        (None, []),
        (Reasoning(effort="high", budget_tokens=5), ["reasoning.effort", "reasoning.budget_tokens"]),
        (Reasoning(is_enabled=True), ["reasoning"]),
    ],
)
def test_what_a_client_says_of_reasoning_is_reported(reasoning: Any, told: list[str]) -> None:
    lost = losses()
    report_reasoning(reasoning, lost)
    assert lost.finish() == told


def test_an_answer_is_its_words_and_the_rest_is_named() -> None:
    dropped: list[str] = []
    parts: list[Part] = [
        Thinking(text="hm"),
        Text(text="a", signature="s", extra={"x": 1}),
        Refusal(text="b"),
        Native(type="search", value={}),
    ]
    assert words_of_answer(parts, dropped) == "ab"
    assert dropped == ["thinking", "signature", "x", "search"]
