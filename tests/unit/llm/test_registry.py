import pytest

from entresol.core.errors import ConfigError
from entresol.llm.registry import format_named, provider_named


def test_a_format_is_found_by_its_name_and_made_once() -> None:
    found = format_named("openai-chat")
    assert found.name == "openai-chat"
    assert format_named("openai-chat") is found


def test_a_provider_is_found_by_its_name() -> None:
    assert provider_named("gemini").name == "gemini"


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'nothing' is not installed; there are: anthropic"):
        provider_named("nothing")
