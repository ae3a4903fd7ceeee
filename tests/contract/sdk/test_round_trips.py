"""What clients send as a matter of course and providers refuse when it is put wrongly."""

from typing import Any

import pytest
from google.genai import types as genai_types

from contract.sdk.stand import MODELS, Stand
from contract.sdk.talking import AnthropicTalk, GeminiTalk

SECRET = "EmwKAhgBEgy3va3pzix/LafPsn4a"


@pytest.mark.parametrize("provider", ["openai", "openai-compatible"])
def test_cache_marks_go_to_no_model_that_refuses_them(stand: Stand, provider: str) -> None:
    mark: Any = {"type": "ephemeral"}
    raw = AnthropicTalk(stand, provider).sdk.messages.with_raw_response.create(
        model=MODELS[provider],
        max_tokens=500,
        system=[{"type": "text", "text": "Be brief.", "cache_control": mark}],
        messages=[{"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": mark}]}],
    )
    assert "prompt_cache_breakpoint" not in str(stand.last.json)
    assert "messages[].content[].cache_control" in raw.headers["x-entresol-dropped"]


def test_an_effort_leaves_room_for_the_answer(stand: Stand) -> None:
    config = genai_types.GenerateContentConfig(thinking_config=genai_types.ThinkingConfig(thinking_budget=2048))
    sdk = GeminiTalk(stand, "anthropic").sdk
    answer = sdk.models.generate_content(model="claude-sonnet-4-5", contents="Hello", config=config)
    assert answer.text
    sent = stand.last.json
    assert sent["thinking"]["budget_tokens"] == 2048
    assert sent["max_tokens"] >= 2048 + 4096


def test_reasoning_that_was_encrypted_comes_home_through_geminis_client(stand: Stand) -> None:
    """As a block that Anthropic made; given back as a signature it would be refused."""
    sdk = GeminiTalk(stand, "anthropic").sdk
    thought = genai_types.Part(text="", thought=True, thought_signature=f"redacted:anthropic:{SECRET}".encode())
    turns: list[Any] = [
        genai_types.Content(role="user", parts=[genai_types.Part(text="Hello")]),
        genai_types.Content(role="model", parts=[thought, genai_types.Part(text="Good day.")]),
        genai_types.Content(role="user", parts=[genai_types.Part(text="And now?")]),
    ]
    assert sdk.models.generate_content(model=MODELS["anthropic"], contents=turns).text
    assert {"type": "redacted_thinking", "data": SECRET} in stand.last.json["messages"][1]["content"]
