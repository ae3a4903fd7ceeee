from typing import Any

import pytest

from entresol.plugins.ai_prompt_guard import AiPromptGuard
from playbooks.harness import Gateway, violations_of

BOTH = "'config.allow_patterns', 'config.deny_patterns'"


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({}, "", f"at least one of these fields must be non-empty: {BOTH}"),
        ({"deny_patterns": ["(?=x)"]}, "deny_patterns[0]", "not a valid RE2 pattern"),
        ({"allow_patterns": ["ok", "("]}, "allow_patterns[1]", "not a valid RE2 pattern"),
        ({"deny_patterns": ["x"] * 11}, "deny_patterns", "length must be at most 10"),
        ({"deny_patterns": ["x" * 501]}, "deny_patterns[0]", "length must be at most 500"),
        (
            {"deny_patterns": ["x"], "match_all_roles": True, "allow_all_conversation_history": True},
            "allow_all_conversation_history",
            "must be false when 'match_all_roles' is true",
        ),
        (
            {"deny_patterns": ["x"], "genai_category": "realtime/generation"},
            "genai_category",
            "realtime/generation is not supported yet",
        ),
        ({"deny_patterns": ["x"], "llm_format": "morse"}, "llm_format", "expected one of"),
        ({"deny_patterns": ["x"], "max_request_body_size": -1}, "max_request_body_size", "value must be at least 0"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(AiPromptGuard, config)[path].startswith(message)


def test_every_field_of_kong_at_its_default_loads() -> None:
    config = {
        "allow_all_conversation_history": False, "allow_patterns": None, "deny_patterns": ["x"],
        "genai_category": "text/generation", "llm_format": "openai", "match_all_roles": False,
        "max_request_body_size": 1048576,
    }  # fmt: skip
    assert Gateway((AiPromptGuard, config)).chat({"messages": [{"role": "user", "content": "hello"}]}).status == 200
