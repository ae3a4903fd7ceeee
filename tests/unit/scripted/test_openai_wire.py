"""OpenAI's answers."""

import base64
import struct
from typing import Any

import msgspec
import pytest

from entresol.scripted.openai_wire import DONE
from unit.scripted.asking import OPENAI_WEATHER, PIXEL, ask, chat, events, said, user


def test_a_chat_answer_has_the_shape_of_a_completion() -> None:
    value = said(chat())
    assert value["id"].startswith("chatcmpl-")
    assert value["object"] == "chat.completion"
    assert value["choices"][0]["message"]["content"] == 'You said: "Hello".'
    assert value["choices"][0]["finish_reason"] == "stop"
    usage = value["usage"]
    assert usage["prompt_tokens"] == 5  # 3 for the message, 2 for its text
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_equal_requests_have_equal_answers() -> None:
    assert chat(seed=1).script.body == chat(seed=1).script.body
    assert said(chat(seed=1))["id"] != said(chat(seed=2))["id"]


def test_tools_go_there_and_back() -> None:
    first = said(chat(messages=[user("weather in Paris and Oslo")], tools=[OPENAI_WEATHER]))["choices"][0]
    calls = first["message"]["tool_calls"]
    assert first["finish_reason"] == "tool_calls"
    assert first["message"]["content"] is None
    assert [msgspec.json.decode(call["function"]["arguments"]) for call in calls] == [
        {"city": "Paris"},
        {"city": "Oslo"},
    ]
    assert len({call["id"] for call in calls}) == 2
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "sun"} for call in calls]
    history = [user("weather in Paris and Oslo"), first["message"], *results]
    for message in history:
        message.pop("annotations", None)
    second = said(chat(messages=history, tools=[OPENAI_WEATHER]))
    assert second["choices"][0]["message"]["content"] == "get_weather says: sun get_weather says: sun"


def joined(chunks: list[Any]) -> tuple[str, list[str], list[str]]:
    text, arguments, finishes = "", [], []
    for chunk in chunks:
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls", []):
                if "id" in call:
                    arguments.append("")
                arguments[call["index"]] += call["function"]["arguments"]
            finishes += [choice["finish_reason"]] if choice["finish_reason"] else []
    return text, arguments, finishes


def test_a_stream_says_what_the_whole_answer_says() -> None:
    fields: dict[str, Any] = {"messages": [user("weather in Paris and Oslo")], "tools": [OPENAI_WEATHER]}
    streamed = chat(stream=True, stream_options={"include_usage": True}, **fields)
    chunks = events(streamed)
    assert streamed.script.body.endswith(DONE)
    assert joined(chunks) == ("", ['{"city":"Paris"}', '{"city":"Oslo"}'], ["tool_calls"])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == said(chat(**fields))["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert joined(events(chat(stream=True)))[0] == 'You said: "Hello".'


def test_usage_comes_in_a_stream_only_when_it_is_asked_for() -> None:
    assert all("usage" not in chunk for chunk in events(chat(stream=True)))


def test_images_audio_and_files_are_seen() -> None:
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    text = said(chat(messages=[user(parts)]))["choices"][0]["message"]["content"]
    for seen in ("(image/png, 70 bytes)", "by reference", "(audio/wav, 4 bytes)", "(application/pdf, 5 bytes)"):
        assert seen in text


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,!!!", "data:image/jpeg;base64," + PIXEL, "data:image/tiff;base64,AAAA", "ftp://a/b"]
)
def test_bad_image_data_is_refused(url: str) -> None:
    answered = chat(messages=[user([{"type": "image_url", "image_url": {"url": url}}])])
    assert answered.script.status == 400
    assert said(answered)["error"]["param"] == "messages[0].content[0]"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERi0="}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}},
        {"type": "file", "file": {"file_id": "file-1", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ],
)
def test_sound_and_files_that_chat_does_not_take_are_refused(part: Any) -> None:
    answered = chat(messages=[user([part])])
    assert answered.script.status == 400
    assert said(answered)["error"]["param"] == "messages[0].content[0]"


def test_limits_choices_logprobs_and_reasoning_are_honoured() -> None:
    value = said(chat(max_completion_tokens=2, n=2, logprobs=True, top_logprobs=1, reasoning_effort="low"))
    assert [choice["finish_reason"] for choice in value["choices"]] == ["length", "length"]
    assert value["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    assert value["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


def test_cached_tokens_are_part_of_the_prompt_tokens() -> None:
    usage = said(chat(model="gpt-scripted-cached"))["usage"]
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]


def test_a_refusal_has_its_own_field() -> None:
    assert said(chat(model="scripted-refusal"))["choices"][0]["message"]["refusal"]
    deltas = [event["choices"][0]["delta"] for event in events(chat(model="scripted-refusal", stream=True))]
    assert any(delta.get("refusal") for delta in deltas)


def test_completions_are_answered_whole_and_streamed() -> None:
    body = {"model": "gpt-5.5", "prompt": "Hello", "max_tokens": 50, "echo": True}
    value = said(ask("/v1/completions", body))
    assert value["choices"][0]["text"] == 'HelloYou said: "Hello".'
    streamed = ask("/v1/completions", {**body, "stream": True, "stream_options": {"include_usage": True}})
    chunks = events(streamed)
    assert "".join(choice["text"] for chunk in chunks for choice in chunk["choices"]) == value["choices"][0]["text"]
    assert chunks[-1]["usage"] == value["usage"]


def test_embeddings_come_as_numbers_or_base64() -> None:
    body = {"model": "text-embedding-3-small", "input": ["a b", "c"], "dimensions": 4}
    plain = said(ask("/v1/embeddings", body))
    packed = said(ask("/v1/embeddings", {**body, "encoding_format": "base64"}))
    assert [row["index"] for row in plain["data"]] == [0, 1]
    decoded = struct.unpack("<4f", base64.b64decode(packed["data"][0]["embedding"]))
    assert decoded == pytest.approx(plain["data"][0]["embedding"], abs=1e-6)
    assert plain["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
