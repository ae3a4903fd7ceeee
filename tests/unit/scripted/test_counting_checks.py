"""What counting refuses, on each wire."""

import base64
from typing import Any

import msgspec
import pytest

from entresol.scripted.counting_checks import (
    check_bedrock_count,
    check_gemini_count,
    check_input_tokens,
    check_vertex_count,
)
from entresol.scripted.script import Refusal
from unit.scripted.asking import ask, said

CONTENTS: Any = [{"role": "user", "parts": [{"text": "Hello"}]}]
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
CONVERSE: Any = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
NATIVE: Any = {
    "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}],
}  # fmt: skip
HEADERS = {"authorization": "Bearer scripted-key"}


def body_of(body: Any) -> Any:
    return {"input": {"invokeModel": {"body": base64.b64encode(msgspec.json.encode(body)).decode()}}}


def test_openai_counts() -> None:
    answered = ask("/v1/responses/input_tokens", {"model": "gpt-5.5", "input": "Hello"}, headers=HEADERS)
    assert said(answered) == {"object": "response.input_tokens", "input_tokens": 5}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"store": False}, "store"),
        ({"max_output_tokens": 100}, "max_output_tokens"),
        ({"include": []}, "include"),
        ({"input": []}, "input"),
        ({"stream": True}, "stream"),
        ({"temperature": 1}, "temperature"),
        ({"previous_response_id": "resp_1"}, "resp_1"),
        ({"tool_choice": "required"}, "Tool choice"),
    ],
)
def test_openai_takes_only_what_is_counted(fields: Any, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        check_input_tokens({"model": "gpt-5.5", "input": "Hello", **fields})


def test_gemini_counts_contents_or_a_whole_request() -> None:
    assert check_gemini_count({"contents": CONTENTS}, "gemini-x")["contents"] == CONTENTS
    whole = {"model": "models/gemini-x", "contents": CONTENTS, "tools": []}
    assert check_gemini_count({"generateContentRequest": whole}, "gemini-x") == whole


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"contents": []}, "contents"),
        ({"contents": CONTENTS, "systemInstruction": {"parts": [{"text": "a"}]}}, "systemInstruction"),
        ({"contents": CONTENTS, "generateContentRequest": {"contents": CONTENTS}}, "mutually exclusive"),
        ({"generateContentRequest": {"contents": CONTENTS}}, "model"),
        ({"generateContentRequest": {"model": "models/another", "contents": CONTENTS}}, "model"),
        ({"generateContentRequest": {"model": "models/gemini-x"}}, "contents"),
    ],
)
def test_gemini_refuses_what_is_neither(body: Any, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        check_gemini_count(body, "gemini-x")


def test_vertex_counts_parts_and_no_whole_requests() -> None:
    parts = {"contents": CONTENTS, "systemInstruction": {"parts": [{"text": "a"}]}}
    assert check_vertex_count(parts, "gemini-x") == parts
    for body in ({"generateContentRequest": parts}, {**parts, "toolConfig": {}}):
        with pytest.raises(Refusal, match="Cannot find field"):
            check_vertex_count(body, "gemini-x")


def test_bedrock_counts_both_kinds() -> None:
    counts = []
    for body in ({"input": {"converse": CONVERSE}}, body_of(NATIVE)):
        answered = ask(f"/model/{CLAUDE.replace(':', '%3A')}/count-tokens", body, headers=HEADERS)
        assert (answered.wire, answered.model, answered.script.status) == ("bedrock", CLAUDE, 200)
        counts.append(said(answered)["inputTokens"])
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("body", "model", "words"),
    [
        ({"input": {"converse": CONVERSE}}, f"eu.{CLAUDE}", "doesn't support counting"),
        ({"input": {"converse": CONVERSE}}, "amazon.nova-pro-v1:0", "doesn't support counting"),
        ({"input": {"converse": CONVERSE}}, "anthropic.claude-3-haiku-20240307-v1:0", "doesn't support counting"),
        ([], CLAUDE, "input"),
        ({}, CLAUDE, "input"),
        ({"input": {"converse": CONVERSE}, "more": 1}, CLAUDE, "input"),
        ({"input": {}}, CLAUDE, "exactly one"),
        ({"input": {"converse": CONVERSE, "invokeModel": {}}}, CLAUDE, "exactly one"),
        ({"input": {"converse": 1}}, CLAUDE, "structure"),
        ({"input": {"converse": {**CONVERSE, "inferenceConfig": {}}}}, CLAUDE, "inferenceConfig"),
        ({"input": {"converse": {"messages": []}}}, CLAUDE, "conversation|messages"),
        ({"input": {"invokeModel": {"body": "%"}}}, CLAUDE, "base64"),
        ({"input": {"invokeModel": {}}}, CLAUDE, "base64"),
        (body_of([]), CLAUDE, "JSON object"),
    ],
)
def test_bedrock_refuses_what_it_cannot_count(body: Any, model: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        check_bedrock_count(body, model)


def test_a_body_that_the_model_would_refuse_is_not_counted() -> None:
    path = f"/model/{CLAUDE.replace(':', '%3A')}/count-tokens"
    for body in ({**NATIVE, "model": "x"}, {name: value for name, value in NATIVE.items() if name != "max_tokens"}):
        assert ask(path, body_of(body), headers=HEADERS).script.status == 400
