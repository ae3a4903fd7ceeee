"""What Converse refuses in a conversation."""

from typing import Any

import pytest

from entresol.scripted.bedrock_turns import check_turns
from entresol.scripted.script import Refusal

from .asking import PIXEL

CLAUDE = "anthropic.claude-sonnet-4-5"
USE = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}
PDF = {"document": {"format": "pdf", "name": "Report", "source": {"bytes": "JVBERi0="}}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def said(*blocks: Any) -> dict[str, Any]:
    return {**user(*blocks), "role": "assistant"}


def check(*messages: Any, model: str = CLAUDE, tools: bool = True, **fields: Any) -> None:
    check_turns({"messages": list(messages), **({"toolConfig": {"tools": []}} if tools else {}), **fields}, model)


GOOD: list[list[dict[str, Any]]] = [
    [user("x")],
    [user("x"), said("y"), user("z")],
    [user("x"), said("a", USE), user(RESULT, "go on")],
    [user("x"), said({"reasoningContent": {"reasoningText": {"text": "h", "signature": "s"}}}, "y")],
    [user("x", PDF)],
    [user("x", {"image": {"format": "png", "source": {"bytes": PIXEL}}})],
    [user("x", {"cachePoint": {"type": "default"}})],
]


@pytest.mark.parametrize("messages", GOOD)
def test_a_good_conversation_is_taken(messages: list[dict[str, Any]]) -> None:
    check(*messages)


BAD: list[tuple[list[dict[str, Any]], str]] = [
    ([], "start with a user message"),
    ([said("x")], "start with a user message"),
    ([user("x"), user("y")], "must alternate"),
    ([user()], "is empty"),
    ([user(" ")], "is blank"),
    ([user("x"), said(USE)], "Expected toolResult blocks after"),
    ([user("x"), said(USE), user("y")], r"Expected toolResult blocks at messages\.2"),
    ([user("x"), said("y"), user(RESULT)], "exceeds the number of toolUse blocks"),
    ([user("x"), said(USE, USE), user(RESULT)], "duplicate Ids"),
    ([user(USE)], "only permitted in assistant messages"),
    ([user("x"), said({"toolUse": {**USE["toolUse"], "name": "a.b"}}), user(RESULT)], "must satisfy pattern"),
    ([user("x"), said({"toolUse": {**USE["toolUse"], "toolUseId": "a b"}}), user(RESULT)], "regular expression"),
    ([user("x"), said({"toolUse": {**USE["toolUse"], "input": "x"}}), user(RESULT)], "Provide a json object"),
    ([user("x"), said(USE), user({"toolResult": {"toolUseId": "t", "content": [{"json": 1}]}})], "json is invalid"),
    ([user({"reasoningContent": {"reasoningText": {"text": "h", "signature": "s"}}})], "User messages cannot"),
    ([user("x"), said({"reasoningContent": {"reasoningText": {"text": "h"}}})], "signature: Field required"),
    ([user(PDF)], "must include a text block"),
    ([user("x", PDF, PDF)], "duplicate document names"),
    ([user("x", {"document": {**PDF["document"], "name": "report.pdf"}})], "can only contain alphanumeric"),
    ([user("x", {"image": {"format": "jpeg", "source": {"bytes": PIXEL}}})], "could not be processed"),
    ([user("x", {"image": {"format": "png", "source": {"bytes": "!"}}})], "could not be processed"),
]


@pytest.mark.parametrize(("messages", "why"), BAD)
def test_a_bad_conversation_is_refused(messages: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Refusal, match=f"(?i){why}"):
        check(*messages)


def test_calls_need_tools() -> None:
    with pytest.raises(Refusal, match="toolConfig field must be defined"):
        check(user("x"), said(USE), user(RESULT), tools=False)


def test_only_some_models_cache() -> None:
    with pytest.raises(Refusal, match="prompt caching"):
        check(user("x", {"cachePoint": {"type": "default"}}), model="meta.llama3-70b")


def test_a_blank_system_prompt_is_refused() -> None:
    with pytest.raises(Refusal, match="is blank"):
        check(user("x"), system=[{"text": " "}])
