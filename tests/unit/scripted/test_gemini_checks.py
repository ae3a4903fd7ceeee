"""Gemini's refusals."""

from typing import Any

import pytest

from entresol.scripted.gemini_checks import normalised
from unit.scripted.asking import GEMINI_WEATHER, ask, generate, said


def turn(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


HELLO = turn("user", {"text": "Hello"})
CALL = {"functionCall": {"name": "get_weather", "args": {}}}
RESULT = {"functionResponse": {"name": "get_weather", "response": {"result": "sun"}}}
SCHEMA = {"type": "OBJECT"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, 'Unknown name "messages": Cannot find field'),
        ({"generationConfig": {"max_tokens": 3}}, "Unknown name \"maxTokens\" at 'generation_config'"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [turn("assistant", {"text": "a"})]}, "valid role: user, model"),
        ({"contents": [turn("user")]}, "must not be empty"),
        ({"contents": [turn("user", {})]}, "one initialized field"),
        ({"contents": [turn("user", {"text": "a", "functionCall": {"name": "b"}})]}, "one initialized field"),
        ({"contents": [turn("user", {"inlineData": {"data": "AAAA"}})]}, "mime_type"),
        ({"contents": [turn("user", {"inlineData": {"data": "!", "mimeType": "image/png"}})]}, "Base64"),
        ({"contents": [turn("user", {"inlineData": {"data": "AAAA", "mimeType": "image/png"}})]}, "does not look like"),
        ({"contents": [turn("user", {"inlineData": {"data": "AAAA", "mimeType": "audio/mp3"}})]}, "does not look like"),
        (
            {"contents": [turn("user", {"inlineData": {"data": "AAAA", "mimeType": "a/b"}})]},
            "Unsupported MIME type: a/b",
        ),
        ({"contents": [turn("user", {"fileData": {"fileUri": "data:image/png;base64,AA"}})]}, "file URI"),
        ({"contents": [turn("user", {"fileData": {"mimeType": "image/png"}})]}, "file_uri"),
        ({"contents": [HELLO, turn("model", {"text": "x", "thoughtSignature": "!"})]}, "Base64"),
        ({"generationConfig": {"temperature": 3}}, "out of range"),
        ({"generationConfig": {"candidateCount": 9}}, "at most 8"),
        ({"generationConfig": {"stopSequences": ["a"] * 6}}, "limit is 5"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "at least 1"),
        ({"generationConfig": {"responseSchema": SCHEMA}}, "response_mime_type"),
        (
            {
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseSchema": SCHEMA,
                    "responseJsonSchema": {},
                }
            },
            "Only one of",
        ),
        ({"generationConfig": {"logprobs": 3}}, "response_logprobs"),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}, "Only one of"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "without function_declarations"),
        (
            {
                "tools": [GEMINI_WEATHER],
                "toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["a"]}},
            },
            "mode is ANY",
        ),
        (
            {
                "tools": [GEMINI_WEATHER],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a"]}},
            },
            "not declared",
        ),
        ({"tools": [GEMINI_WEATHER, GEMINI_WEATHER]}, "Duplicate"),
        ({"tools": [{"functionDeclarations": [{"name": "a b"}]}]}, "Invalid function name"),
        (
            {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "object", "oneOf": []}}]}]},
            "Unknown name \"oneOf\" at 'tools[0].function_declarations[0].parameters'",
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "a", "parameters": SCHEMA, "parametersJsonSchema": {}}]}]},
            "Only one of",
        ),
        ({"contents": [HELLO, turn("model", CALL)]}, "followed by a function response"),
        ({"contents": [HELLO, turn("user", RESULT)]}, "after a function call turn"),
        ({"contents": [turn("model", CALL), turn("user", RESULT)]}, "immediately after a user turn"),
        ({"contents": [HELLO, turn("model", CALL, CALL), turn("user", RESULT)]}, "number of function response parts"),
        (
            {
                "contents": [
                    HELLO,
                    turn("model", CALL),
                    turn("user", {"functionResponse": {"name": "x", "response": {}}}),
                ]
            },
            "names match",
        ),
        (
            {"contents": [HELLO, turn("model", {"functionCall": {"args": {}}}), turn("user", RESULT)]},
            "Name cannot be empty",
        ),
    ],
)
def test_a_faulty_request_is_refused_in_geminis_words(fields: dict[str, Any], words: str) -> None:
    answered = generate(**fields)
    error = said(answered)["error"]
    assert (answered.script.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert words in error["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": [HELLO, turn("model", CALL), turn("user", RESULT)]},
        {"contents": [{"parts": [{"text": "no role"}]}]},
        {"system_instruction": turn("system", {"text": "a"}), "generation_config": {"max_output_tokens": 9}},
        {
            "tools": [
                {
                    "function_declarations": [
                        {"name": "f", "parameters": {"type": "OBJECT", "properties": {"max_x": SCHEMA}}}
                    ]
                }
            ]
        },
        {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]},
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "oneOf": []},
            }
        },
    ],
)
def test_a_good_request_passes(fields: dict[str, Any]) -> None:
    assert generate(**fields).script.status == 200


def test_field_names_get_one_spelling_but_the_callers_own_names_stay() -> None:
    given = {
        "generation_config": {"response_schema": {"properties": {"max_x": {"max_items": 1}}}},
        "contents": [{"parts": [{"function_call": {"args": {"the_city": 1}}}]}],
    }
    assert normalised(given) == {
        "generationConfig": {"responseSchema": {"properties": {"max_x": {"maxItems": 1}}}},
        "contents": [{"parts": [{"functionCall": {"args": {"the_city": 1}}}]}],
    }


def test_since_gemini_3_a_call_must_bring_its_thought_signature_back() -> None:
    bare = [HELLO, turn("model", CALL), turn("user", RESULT)]
    signed = [HELLO, turn("model", {**CALL, "thoughtSignature": "c2ln"}, CALL), turn("user", RESULT, RESULT)]
    earlier_turn = [*bare, turn("model", {"text": "sun"}), HELLO]
    assert generate("gemini-2.5-flash", contents=bare).script.status == 200
    refused = generate("gemini-3.8-flash", contents=bare)
    assert "thought_signature" in said(refused)["error"]["message"]
    assert generate("gemini-3.8-flash", contents=signed).script.status == 200
    assert generate("gemini-3.8-flash", contents=earlier_turn).script.status == 200


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("countTokens", {"contents": []}),
        ("embedContent", {}),
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": HELLO, "dimensions": 3}]}),
        ("generateContent", []),
    ],
)
def test_other_faulty_requests_are_refused(operation: str, body: object) -> None:
    assert ask(f"/v1beta/models/gemini-2.5-flash:{operation}", body).script.status == 400
