from typing import Any

import pytest

from entresol.plugins.ai_prompt_decorator import AiPromptDecorator
from playbooks.harness import violations_of

BOTH = "'config.prompts.prepend', 'config.prompts.append'"


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({}, "", f"at least one of these fields must be non-empty: {BOTH}"),
        ({"prompts": {"prepend": []}}, "", f"at least one of these fields must be non-empty: {BOTH}"),
        ({"prompts": {"prepend": [{}]}}, "prompts.prepend[0].content", "required field missing"),
        ({"prompts": {"append": [{"content": ""}]}}, "prompts.append[0].content", "length must be at least 1"),
        ({"prompts": {"append": [{"content": "x" * 100_001}]}}, "prompts.append[0].content", "length must be at most"),
        ({"prompts": {"append": [{"content": "x"}] * 16}}, "prompts.append", "length must be at most 15"),
        ({"prompts": {"append": [{"content": "x", "role": "tool"}]}}, "prompts.append[0].role", "expected one of"),
        ({"prompts": {"prepend": [{"content": "x"}]}, "llm_format": "morse"}, "llm_format", "expected one of"),
    ],
)
def test_a_bad_configuration_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(AiPromptDecorator, config)[path].startswith(message)
