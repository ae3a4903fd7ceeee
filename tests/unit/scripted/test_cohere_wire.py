"""Prompts read from Cohere's requests, and answers written for them."""

import base64
import struct
from typing import Any

import pytest

from entresol.scripted import cohere_wire
from unit.scripted.asking import OPENAI_WEATHER, PIXEL, ask, events, said, user


def chat(**fields: Any) -> Any:
    return ask("/v2/chat", {"model": "command-a-03-2025", "messages": [user("Hello")], **fields})


def test_a_question_is_answered() -> None:
    answer = said(chat())
    assert answer["message"]["content"] == [{"type": "text", "text": 'You said: "Hello".'}]
    assert (answer["finish_reason"], answer["usage"]["billed_units"]["input_tokens"]) == ("COMPLETE", 5)
    assert answer["usage"]["tokens"]["input_tokens"] > 5
    assert answer["id"] == said(chat())["id"]


def test_a_stream_says_the_same() -> None:
    streamed = events(chat(stream=True))
    assert [event["type"] for event in streamed[:2]] == ["message-start", "content-start"]
    text = "".join(
        event["delta"]["message"]["content"]["text"] for event in streamed if event["type"] == "content-delta"
    )
    assert text == 'You said: "Hello".'
    assert streamed[-1]["delta"]["finish_reason"] == "COMPLETE"
    assert chat(stream=True).script.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_planned_and_called(stream: bool) -> None:
    answered = chat(messages=[user("weather in Paris and Oslo")], tools=[OPENAI_WEATHER], stream=stream)
    if stream:
        found = events(answered)
        starts = [each["delta"]["message"]["tool_calls"] for each in found if each["type"] == "tool-call-start"]
        pieces: dict[int, str] = {0: "", 1: ""}
        for each in found:
            if each["type"] == "tool-call-delta":
                pieces[each["index"]] += each["delta"]["message"]["tool_calls"]["function"]["arguments"]
        calls = [(start["id"], arguments) for start, arguments in zip(starts, pieces.values(), strict=True)]
        assert found[-1]["delta"]["finish_reason"] == "TOOL_CALL"
    else:
        message = said(answered)["message"]
        assert message["tool_plan"]
        calls = [(call["id"], call["function"]["arguments"]) for call in message["tool_calls"]]
    assert [arguments for _, arguments in calls] == ['{"city":"Paris"}', '{"city":"Oslo"}']
    assert calls[0][0] != calls[1][0]


def test_results_are_told_by_the_name_of_their_call() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    document = {"type": "document", "document": {"data": {"sky": "rain", "celsius": 3}}}
    turns = [
        user("weather"),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": [document, {"type": "text", "text": "now"}]},
    ]
    (content,) = said(chat(messages=turns, tools=[OPENAI_WEATHER]))["message"]["content"]
    assert content["text"] == "get_weather says: rain 3\nnow"


def test_images_and_documents_are_seen_and_documents_cited() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    documents = ["abc", {"id": "d", "data": {"text": "de"}}, {"data": "f"}]
    fields = {"messages": [user([{"type": "text", "text": "What?"}, image])], "documents": documents}
    message = said(chat(**fields))["message"]
    text = message["content"][0]["text"]
    assert "image/png, 70 bytes" in text
    assert text.count("document") == 3
    assert [source["id"] for source in message["citations"][0]["sources"]] == ["doc:0", "d", "doc:2"]
    assert "citations" not in said(chat(**fields, citation_options={"mode": "OFF"}))["message"]
    assert "citation-start" in [event["type"] for event in events(chat(**fields, stream=True))]


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_models_think_unless_told_not_to(stream: bool) -> None:
    fields = {"model": "command-a-reasoning-08-2025", "stream": stream}
    assert b'"thinking"' in chat(**fields).script.body
    assert b'"thinking"' not in chat(**fields, thinking={"type": "disabled"}).script.body


def test_an_answer_may_end_early_keep_to_a_schema_and_tell_probabilities() -> None:
    assert said(chat(messages=[user("50 words")], max_tokens=2))["finish_reason"] == "MAX_TOKENS"
    assert said(chat(stop_sequences=["said"]))["finish_reason"] == "STOP_SEQUENCE"
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_object", "json_schema": schema}
    answer = said(chat(messages=[user("weather in Paris")], response_format=wanted))
    assert answer["message"]["content"][0]["text"] == '{"city":"Paris"}'
    assert "".join(item["text"] for item in said(chat(logprobs=True))["logprobs"]) == 'You said: "Hello".'
    assert any("logprobs" in event for event in events(chat(logprobs=True, stream=True)))


def test_a_part_of_the_prompt_may_be_cached() -> None:
    usage = said(chat(model="scripted-cached"))["usage"]
    assert usage["cached_tokens"] == usage["billed_units"]["input_tokens"] // 2


def embed(**fields: Any) -> Any:
    return said(ask("/v2/embed", {"model": "embed-v4.0", "input_type": "search_query", **fields}))


def test_vectors_come_in_every_form() -> None:
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    answer = embed(texts=["red car", "sky"], output_dimension=256, embedding_types=kinds)
    found = {kind: [len(each) for each in vectors] for kind, vectors in answer["embeddings"].items()}
    assert {kind: sizes for kind, sizes in found.items() if kind != "base64"} == {
        "float": [256, 256],
        "int8": [256, 256],
        "uint8": [256, 256],
        "binary": [32, 32],
        "ubinary": [32, 32],
    }
    packed = base64.b64decode(answer["embeddings"]["base64"][0])
    assert struct.unpack("<256f", packed) == pytest.approx(answer["embeddings"]["float"][0], abs=1e-6)
    for signed, unsigned, by in (("int8", "uint8", 128), ("binary", "ubinary", 128)):
        assert [number + by for number in answer["embeddings"][signed][0]] == answer["embeddings"][unsigned][0]
    assert answer["texts"] == ["red car", "sky"]
    assert answer["meta"]["billed_units"] == {"input_tokens": 3}


def test_pictures_become_vectors_too() -> None:
    url = f"data:image/png;base64,{PIXEL}"
    answer = embed(images=[url], input_type="image")
    assert (len(answer["embeddings"]["float"][0]), len(answer["images"])) == (1536, 1)
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": url}}]
    assert len(embed(inputs=[{"content": parts}], model="embed-english-v3.0")["embeddings"]["float"][0]) == 1024


def test_documents_that_share_words_come_first() -> None:
    assert [index for index, _ in cohere_wire.ranked("red car", ["blue sky", "a red car"], None)] == [1, 0]
    assert len(cohere_wire.ranked("red car", ["a", "b", "c"], 2)) == 2
    body = {"model": "rerank-v4.0-pro", "query": "red car", "documents": ["blue sky", "a red car"], "top_n": 1}
    answer = said(ask("/v2/rerank", body))
    assert [result["index"] for result in answer["results"]] == [1]
    assert 0.5 < answer["results"][0]["relevance_score"] <= 1
    assert answer["meta"]["billed_units"] == {"search_units": 1}
