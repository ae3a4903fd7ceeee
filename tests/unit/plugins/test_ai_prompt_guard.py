from typing import Any

import pytest

from entresol.plugins.ai_prompt_decorator import AiPromptDecorator
from entresol.plugins.ai_prompt_guard import AiPromptGuard
from playbooks.harness import Gateway, Reply


def chat(*contents: str) -> dict[str, Any]:
    """A conversation that user and assistant take turns in, the user first."""
    roles = ["user", "assistant"] * len(contents)
    return {
        "model": "m",
        "messages": [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)],
    }


def refusal(reply: Reply) -> tuple[int, str | None, str]:
    assert reply.sent is None
    return reply.status, reply.header("x-entresol-error"), reply.json["message"]


def test_a_good_prompt_passes_with_its_bytes() -> None:
    body = b'{ "messages" : [{"content": "hello", "role":"user"}], "n": 1.0 }'
    reply = Gateway((AiPromptGuard, {"deny_patterns": ["bad"]})).chat(body)
    assert (reply.status, reply.sent_body) == (200, body)


def test_a_refusal_says_which_pattern_refused() -> None:
    gate = Gateway((AiPromptGuard, {"deny_patterns": ["one", "two"], "allow_patterns": ["hello"]}))
    assert refusal(gate.chat(chat("hello two"))) == (
        400,
        "prompt_denied",
        "the prompt matches deny_patterns[1] of ai-prompt-guard",
    )
    assert refusal(gate.chat(chat("goodbye"))) == (
        400,
        "prompt_not_allowed",
        "the prompt matches none of the allow_patterns of ai-prompt-guard",
    )
    assert gate.chat(chat("hello")).status == 200


@pytest.mark.parametrize("body", [chat("bad"), chat("neither"), b"no json", {"prompt": [1]}, {}])
def test_every_refusal_reads_the_same_when_reasons_are_hidden(body: Any) -> None:
    config = {"deny_patterns": ["bad"], "allow_patterns": ["good"], "reveal_failure_reason": False}
    reply = Gateway((AiPromptGuard, config)).chat(body)
    assert refusal(reply) == (400, "prompt_refused", "bad request")


@pytest.mark.parametrize(
    ("config", "body", "passes"),
    [
        # every user message is checked, and only those
        ({"deny_patterns": ["bad"]}, chat("bad", "x", "good"), False),
        ({"deny_patterns": ["bad"]}, chat("good", "bad", "good"), True),
        ({"allow_patterns": ["good"]}, chat("good", "x", "other"), True),
        # only the newest user message
        ({"deny_patterns": ["bad"], "allow_all_conversation_history": True}, chat("bad", "x", "good"), True),
        ({"deny_patterns": ["bad"], "allow_all_conversation_history": True}, chat("good", "x", "bad", "y"), False),
        ({"allow_patterns": ["good"], "allow_all_conversation_history": True}, chat("good", "x", "other"), False),
        # every role
        ({"deny_patterns": ["bad"], "match_all_roles": True}, chat("good", "bad", "good"), False),
        (
            {"deny_patterns": ["bad"], "match_all_roles": True},
            {"messages": [{"role": "system", "content": "bad"}]},
            False,
        ),
        # newest of each field, whichever one the provider reads
        (
            {"deny_patterns": ["bad"], "allow_all_conversation_history": True},
            {**chat("bad"), "prompt": "good"},
            False,
        ),
        # nothing to read, nothing to deny
        ({"deny_patterns": ["bad"]}, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, True),
        ({"allow_patterns": ["good"]}, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, False),
        ({"allow_patterns": ["good"]}, {"messages": []}, False),
    ],
)
def test_which_turns_are_judged(config: dict[str, Any], body: Any, passes: bool) -> None:
    assert Gateway((AiPromptGuard, config)).chat(body).status == (200 if passes else 400)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "so b"}, {"type": "text", "text": "ad"}]}]},
        {"prompt": "bad"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "bad"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "bad"}]}]}
            ]
        },
        {"contents": [{"parts": [{"text": "bad"}]}]},
        {"contents": {"parts": {"text": "bad"}}},
        {"contents": {"role": "user", "parts": [{"text": "bad"}]}},
        {"message": "bad"},
        {"inputs": "bad"},
    ],
)
@pytest.mark.parametrize("llm_format", ["openai", "anthropic", "gemini", "bedrock", "cohere", "huggingface", "ollama"])
def test_every_format_is_read_whatever_is_configured(llm_format: str, body: Any) -> None:
    reply = Gateway((AiPromptGuard, {"deny_patterns": ["bad"], "llm_format": llm_format})).chat(body)
    assert reply.header("x-entresol-error") == "prompt_denied"


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
@pytest.mark.parametrize("parts", [{"text": "bad"}, [{"text": "bad"}]])
def test_geminis_instruction_is_read_in_either_shape(name: str, parts: Any) -> None:
    body = {"contents": {"parts": {"text": "good"}}, name: {"parts": parts}}
    for every_role, code in ((True, "prompt_denied"), (False, None)):
        gate = Gateway((AiPromptGuard, {"deny_patterns": ["bad"], "match_all_roles": every_role}))
        assert gate.chat(body).header("x-entresol-error") == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"x=1", "bad_json"),
        (b'{"messages":[{"role":"user","content":"ba', "bad_json"),
        (b'{"model":"m"}', "prompt_not_found"),
        (b'{"prompt":[1,2]}', "prompt_not_readable"),
        (b'{"messages":[{"role":"user","content":"bad"}],"messages":[]}', "repeated_json_key"),
    ],
)
def test_what_cannot_be_checked_does_not_pass(body: bytes, code: str) -> None:
    reply = Gateway((AiPromptGuard, {"deny_patterns": ["bad"]})).chat(body)
    assert (reply.status, reply.header("x-entresol-error"), reply.sent) == (400, code, None)


def test_a_body_over_the_limit_is_413() -> None:
    gate = Gateway((AiPromptGuard, {"deny_patterns": ["bad"], "max_request_body_size": 100}))
    assert gate.chat(chat("x" * 100)).status == 413
    unlimited = Gateway((AiPromptGuard, {"deny_patterns": ["bad"], "max_request_body_size": 0}))
    assert unlimited.chat(chat("x" * 3_000_000)).status == 200


def test_the_guard_sees_what_the_decorator_put_in() -> None:
    decorator = {"prompts": {"prepend": [{"role": "user", "content": "bad"}]}}
    gate = Gateway((AiPromptDecorator, decorator), (AiPromptGuard, {"deny_patterns": ["bad"]}))
    assert gate.chat(chat("good")).status == 400
