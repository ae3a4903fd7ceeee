"""Ollama's answers."""

from typing import Any

import msgspec
import pytest

from entresol.scripted.endpoints import Answered
from unit.scripted.asking import OPENAI_WEATHER, PIXEL, WEATHER_SCHEMA, ask, said, user


def chat(*messages: dict[str, Any], **fields: Any) -> Answered:
    return ask("/api/chat", {"model": "llama3.2", "messages": list(messages), "stream": False, **fields})


def lines(answered: Answered) -> list[Any]:
    return [msgspec.json.decode(line) for line in answered.script.body.splitlines()]


def test_an_answer_has_the_shape_of_a_chat() -> None:
    value = said(chat(user("Hello")))
    assert value["message"] == {"role": "assistant", "content": 'You said: "Hello".'}
    assert (value["done"], value["done_reason"], value["prompt_eval_count"]) == (True, "stop", 5)
    assert value["eval_count"] == 5


def test_an_answer_has_the_shape_of_a_completion() -> None:
    value = said(ask("/api/generate", {"model": "llama3.2", "prompt": "Hello", "system": "Be.", "stream": False}))
    assert (value["response"], value["done"], value["context"]) == ('You said: "Hello".', True, [1, 2, 3])
    assert value["prompt_eval_count"] == 9


def test_tools_go_there_and_back() -> None:
    asked = user("weather in Paris and Oslo")
    first = said(chat(asked, tools=[OPENAI_WEATHER]))["message"]
    assert [call["function"]["arguments"] for call in first["tool_calls"]] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert all("id" not in call for call in first["tool_calls"])
    results = [{"role": "tool", "content": "sun", "tool_name": "get_weather"}] * 2
    second = said(chat(asked, first, *results, tools=[OPENAI_WEATHER]))
    assert second["message"]["content"] == "get_weather says: sun get_weather says: sun"


def test_results_are_told_by_their_calls_id_too() -> None:
    call = {"id": "c1", "function": {"name": "f", "arguments": {}}}
    called = {"role": "assistant", "tool_calls": [call]}
    assert (
        said(chat(called, {"role": "tool", "content": "x", "tool_call_id": "c1"}))["message"]["content"] == "f says: x"
    )
    assert said(chat(called, {"role": "tool", "content": "x"}))["message"]["content"] == "f says: x"


@pytest.mark.parametrize("kind", ["chat", "generate"])
def test_a_stream_says_what_the_whole_answer_says(kind: str) -> None:
    asked: dict[str, Any] = {"prompt": "Hello there"} if kind == "generate" else {"messages": [user("Hello there")]}
    body = {"model": "llama3.2", "think": True, "logprobs": True, "top_logprobs": 1, **asked}
    answered = ask(f"/api/{kind}", body)
    assert dict(answered.script.headers)[b"content-type"] == b"application/x-ndjson"
    chunks = lines(answered)
    whole = said(ask(f"/api/{kind}", {**body, "stream": False}))

    def text(value: dict[str, Any], name: str) -> str:
        inner = value if kind == "generate" else value["message"]
        return str(inner.get("response" if kind == "generate" and name == "content" else name, ""))

    for name in ("content", "thinking"):
        assert "".join(text(chunk, name) for chunk in chunks) == text(whole, name) != ""
    assert [chunk["done"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert [entry for chunk in chunks for entry in chunk.get("logprobs", [])] == whole["logprobs"]
    assert chunks[-1]["eval_count"] == whole["eval_count"]


def test_calls_of_a_stream_are_whole() -> None:
    body = {"model": "llama3.2", "messages": [user("weather in Paris and Oslo")], "tools": [OPENAI_WEATHER]}
    calls = [call for chunk in lines(ask("/api/chat", body)) for call in chunk["message"].get("tool_calls", [])]
    assert [call["function"]["index"] for call in calls] == [0, 1]


@pytest.mark.parametrize(("keep_alive", "reason"), [(0, "unload"), (None, "load")])
def test_nothing_to_answer_loads_the_model(keep_alive: object, reason: str) -> None:
    assert said(ask("/api/chat", {"model": "llama3.2", "keep_alive": keep_alive}))["done_reason"] == reason
    value = said(ask("/api/generate", {"model": "llama3.2", "keep_alive": keep_alive}))
    assert (value["done_reason"], value["response"]) == (reason, "")


def test_several_messages_of_the_users_are_one_turn() -> None:
    text = said(chat(user("Look:"), {"role": "user", "content": "", "images": [PIXEL]}))["message"]["content"]
    assert text == 'You said: "Look:". I see one image (image/png, 70 bytes).'
    seen = said(ask("/api/generate", {"model": "llava", "prompt": "Look", "images": [PIXEL], "stream": False}))
    assert "image/png, 70 bytes" in seen["response"]


def test_formats_limits_and_stops_are_honoured() -> None:
    assert said(chat(user("weather in Paris"), format=WEATHER_SCHEMA))["message"]["content"] == '{"city":"Paris"}'
    assert said(chat(user("Hello"), format="json"))["message"]["content"] == '{"answer":"Hello"}'
    cut = said(chat(user("Write 50 words"), options={"num_predict": 2}))
    assert (cut["message"]["content"], cut["done_reason"]) == ("alpha br", "length")
    stopped = said(chat(user("Write 50 words"), options={"stop": [" charlie"], "num_predict": -1}))
    assert (stopped["message"]["content"], stopped["done_reason"]) == ("alpha bravo", "stop")
    assert said(chat(user("Hi"), model="scripted-refusal"))["message"]["content"] == "I can't help with that."
