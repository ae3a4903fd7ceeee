"""Which of Bedrock's models a name means."""

import pytest

from entresol.llm.bedrock_models import Family, family, nova_reasons, takes_cache_points, takes_own_tool_choice

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:"


@pytest.mark.parametrize(
    ("model", "name", "caches"),
    [
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic", True),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic", True),
        (PROFILE + "inference-profile/us.anthropic.claude-opus-4-6-v1", "anthropic", True),
        ("us.amazon.nova-2-lite-v1:0", "nova", True),
        ("amazon.nova-pro-v1:0", "nova", True),
        ("mistral.mistral-large-2407-v1:0", "mistral", False),
        ("cohere.command-r-plus-v1:0", "cohere", False),
        ("openai.gpt-oss-120b-1:0", "gpt-oss", False),
        ("us.meta.llama4-scout-17b-instruct-v1:0", "llama", False),
        (PROFILE + "application-inference-profile/abc123", "other", True),
        (PROFILE + "provisioned-model/abc123", "other", True),
    ],
)
def test_a_name_tells_whose_model_it_is(model: str, name: Family, caches: bool) -> None:
    assert family(model) == name
    assert takes_cache_points(model) is caches


def test_only_later_novas_think() -> None:
    assert nova_reasons("us.amazon.nova-2-lite-v1:0")
    assert not nova_reasons("amazon.nova-pro-v1:0")


def test_only_later_claudes_take_anthropics_choice_of_tools() -> None:
    assert takes_own_tool_choice("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert not takes_own_tool_choice("anthropic.claude-3-7-sonnet-20250219-v1:0")
    assert not takes_own_tool_choice("anthropic.claude-instant-v1")
    assert not takes_own_tool_choice("amazon.nova-pro-v1:0")
