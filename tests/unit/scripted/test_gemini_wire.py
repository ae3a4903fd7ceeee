"""Gemini's answers."""

from typing import Any

import msgspec
import pytest

from unit.scripted.asking import GEMINI_WEATHER, PIXEL, ask, events, generate, said


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def test_an_answer_has_the_shape_of_a_response() -> None:
    value = said(generate())
    candidate = value["candidates"][0]
    assert candidate["content"] == {"role": "model", "parts": [{"text": 'You said: "Hello".'}]}
    assert candidate["finishReason"] == "STOP"
    usage = value["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert value["modelVersion"] == "gemini-2.5-flash"


@pytest.mark.parametrize(("model", "has_ids"), [("gemini-2.5-flash", False), ("gemini-3.8-flash", True)])
def test_tools_go_there_and_back(model: str, has_ids: bool) -> None:
    asked = user("weather in Paris and Oslo")
    first = generate(model, contents=[asked], tools=[GEMINI_WEATHER])
    content, sent_back = (said(first)["candidates"][0]["content"] for _ in range(2))
    calls = [part["functionCall"] for part in content["parts"]]
    assert [call["args"] for call in calls] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert all(("id" in call) is has_ids for call in calls)
    assert ("thoughtSignature" in content["parts"][0]) is has_ids
    for call in calls:
        del call["args"]
    results = {"role": "user", "parts": [{"functionResponse": {**call, "response": {"r": 1}}} for call in calls]}
    second = said(generate(model, contents=[asked, sent_back, results], tools=[GEMINI_WEATHER]))
    text = second["candidates"][0]["content"]["parts"][0]["text"]
    assert text == 'get_weather says: {"r":1} get_weather says: {"r":1}'


def joined(chunks: list[Any]) -> tuple[str, list[Any]]:
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    calls = [part["functionCall"]["args"] for part in parts if "functionCall" in part]
    return "".join(part.get("text", "") for part in parts), calls


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.8-flash"])
def test_streams_of_both_framings_say_what_the_whole_answer_says(model: str) -> None:
    fields: dict[str, Any] = {
        "contents": [user("weather in Paris and Oslo")],
        "tools": [GEMINI_WEATHER],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    }
    whole = said(generate(model, **fields))
    by_event = events(generate(model, "streamGenerateContent?alt=sse", **fields))
    as_array = msgspec.json.decode(generate(model, "streamGenerateContent", **fields).script.body)
    assert joined(by_event) == joined(as_array) == joined([whole])
    assert by_event[-1]["usageMetadata"] == as_array[-1]["usageMetadata"] == whole["usageMetadata"]
    assert by_event[-1]["candidates"][0]["finishReason"] == "STOP"
    assert all("finishReason" not in chunk["candidates"][0] for chunk in by_event[:-1])


def test_thoughts_are_marked_and_counted_outside_the_candidates() -> None:
    value = said(generate(generationConfig={"thinkingConfig": {"includeThoughts": True}}))
    assert [part.get("thought", False) for part in value["candidates"][0]["content"]["parts"]] == [True, False]
    usage = value["usageMetadata"]
    parts = usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    assert usage["totalTokenCount"] == parts


def test_media_are_seen() -> None:
    parts = [
        {"text": "Look"},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a.mp4"}},
    ]
    text = said(generate(contents=[{"role": "user", "parts": parts}]))["candidates"][0]["content"]["parts"][0]["text"]
    for seen in ("(image/png, 70 bytes)", "one audio clip (audio/wav, 4 bytes)", "one video (video/mp4, by reference)"):
        assert seen in text


def test_limits_candidates_logprobs_and_schemas_are_honoured() -> None:
    config = {"maxOutputTokens": 2, "candidateCount": 2, "responseLogprobs": True}
    value = said(generate(generationConfig=config))
    assert [candidate["finishReason"] for candidate in value["candidates"]] == ["MAX_TOKENS", "MAX_TOKENS"]
    assert value["candidates"][1]["logprobsResult"]["chosenCandidates"]
    schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}
    config2 = {"responseMimeType": "application/json", "responseSchema": schema}
    text = said(generate(contents=[user("capital of Peru")], generationConfig=config2))
    assert text["candidates"][0]["content"]["parts"][0]["text"] == '{"city":"Peru"}'


def test_a_named_function_must_be_called() -> None:
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}}
    value = said(generate(tools=[GEMINI_WEATHER], toolConfig=config))
    assert value["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "get_weather"


def test_a_withheld_answer_has_no_content_and_cached_tokens_are_counted() -> None:
    candidate = said(generate("gemini-scripted-refusal"))["candidates"][0]
    assert candidate["finishReason"] == "SAFETY"
    assert "content" not in candidate
    assert said(generate("gemini-scripted-cached"))["usageMetadata"]["cachedContentTokenCount"] > 0


def test_tokens_are_counted_and_texts_embedded() -> None:
    base = "/v1beta/models/gemini-2.5-flash"
    counted = said(ask(f"{base}:countTokens", {"contents": [user("Hello")]}))
    assert counted == {"totalTokens": said(generate())["usageMetadata"]["promptTokenCount"]}
    one = said(ask(f"{base}:embedContent", {"content": user("a"), "outputDimensionality": 3}))
    many = said(ask(f"{base}:batchEmbedContents", {"requests": [{"content": user("a"), "outputDimensionality": 3}]}))
    assert len(one["embedding"]["values"]) == 3
    assert many["embeddings"] == [one["embedding"]]
