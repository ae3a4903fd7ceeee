from typing import Any

import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import NO_OPTIONS, Profile
from entresol.llm.formats.gemini_count_tokens import GeminiCountTokens

FORMAT = GeminiCountTokens()
GEMINI = Profile(provider="gemini")
VERTEX = Profile(provider="vertex", counts_whole_requests=False)
PATH = "/v1beta/models/gemini-x:countTokens"
CONTENTS: Any = [{"role": "user", "parts": [{"text": "hello"}]}]
SYSTEM: Any = {"parts": [{"text": "Be brief."}]}


def passed(body: Any, profile: Profile) -> Any:
    opened = FORMAT.open(msgspec.json.encode(body), PATH)
    return msgspec.json.decode(FORMAT.close(opened, "gemini-y", False, NO_OPTIONS, profile))


def test_the_model_stands_in_the_path() -> None:
    opened = FORMAT.open(msgspec.json.encode({"contents": CONTENTS}), PATH)
    assert (opened.model, opened.stream) == ("gemini-x", False)
    assert FORMAT.open(b"{}", "/elsewhere").model is None
    with pytest.raises(ClientError, match="generateContent is not supported: only countTokens is"):
        FORMAT.open(b"{}", "/v1beta/models/gemini-x:generateContent")


@pytest.mark.parametrize("profile", [GEMINI, VERTEX])
def test_contents_alone_pass(profile: Profile) -> None:
    assert passed({"contents": CONTENTS}, profile) == {"contents": CONTENTS}


def test_a_whole_request_names_the_model_that_is_called() -> None:
    for model in ({}, {"model": "models/gemini-x"}):
        whole = {**model, "contents": CONTENTS, "unheard": 1}
        expected = {**whole, "model": "models/gemini-y"}
        assert passed({"generateContentRequest": whole}, GEMINI) == {"generateContentRequest": expected}
        assert passed({"generate_content_request": whole}, GEMINI) == {"generate_content_request": expected}


def test_parts_of_a_request_become_a_whole_one_where_that_is_needed() -> None:
    parts = {"contents": CONTENTS, "systemInstruction": SYSTEM}
    assert passed(parts, VERTEX) == parts
    assert passed(parts, GEMINI) == {"generateContentRequest": {**parts, "model": "models/gemini-y"}}


def test_a_whole_request_is_taken_apart_where_that_is_needed() -> None:
    whole = {"model": "models/gemini-x", "contents": CONTENTS, "system_instruction": SYSTEM}
    expected = {"contents": CONTENTS, "system_instruction": SYSTEM}
    assert passed({"generateContentRequest": whole}, VERTEX) == expected


def test_what_has_no_place_then_is_refused() -> None:
    whole = {"contents": CONTENTS, "cachedContent": "cachedContents/1"}
    with pytest.raises(ClientError, match=r"generateContentRequest\.cachedContent") as caught:
        passed({"generateContentRequest": whole}, VERTEX)
    assert caught.value.code == "unsupported_by_provider"


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS, "generateContentRequest": {"contents": CONTENTS}},
        {"generateContentRequest": {"contents": CONTENTS}, "generate_content_request": {"contents": CONTENTS}},
        {"generateContentRequest": [1]},
        {"generateContentRequest": {}},
        {},
    ],
)
def test_a_body_that_is_not_one_request_is_refused(body: Any) -> None:
    with pytest.raises(ClientError) as caught:
        FORMAT.decode_request(msgspec.json.encode(body), PATH)
    assert caught.value.code == "bad_request"


def test_both_kinds_of_body_mean_the_same() -> None:
    parts = {"contents": CONTENTS, "systemInstruction": SYSTEM}
    first = FORMAT.decode_request(msgspec.json.encode(parts), PATH)
    second = FORMAT.decode_request(msgspec.json.encode({"generateContentRequest": parts}), PATH)
    assert first == second
    assert first.model == "gemini-x"


def test_what_stands_beside_a_whole_request_is_reported() -> None:
    body = {"generateContentRequest": {"contents": CONTENTS}, "instances": []}
    request = FORMAT.decode_request(msgspec.json.encode(body), PATH)
    assert request.unread == ["instances"]
    assert FORMAT.encode_request(request, GEMINI).dropped == ["instances"]


def test_at_vertex_a_written_request_has_only_the_parts_that_are_counted() -> None:
    whole = {
        "contents": CONTENTS, "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {"temperature": 0.5, "thinkingConfig": {"thinkingBudget": 100}},
    }  # fmt: skip
    request = FORMAT.decode_request(msgspec.json.encode({"generateContentRequest": whole}), PATH)
    encoded = FORMAT.encode_request(request, VERTEX)
    written = msgspec.json.decode(encoded.body)
    assert set(written) == {"contents", "tools", "generationConfig"}
    assert sorted(encoded.dropped) == ["temperature", "tool_choice"]


def test_a_tuned_model_keeps_its_name() -> None:
    request = FORMAT.decode_request(msgspec.json.encode({"contents": CONTENTS}), "/v1beta/tunedModels/mine:countTokens")
    written = msgspec.json.decode(FORMAT.encode_request(request, GEMINI).body)
    assert written["generateContentRequest"]["model"] == "tunedModels/mine"
