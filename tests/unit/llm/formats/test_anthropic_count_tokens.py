import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.format import NO_OPTIONS, Profile
from entresol.llm.formats.anthropic_count_tokens import AnthropicCountTokens

FORMAT = AnthropicCountTokens()


def test_a_call_passes_with_the_model_set() -> None:
    opened = FORMAT.open(b'{"model":"alias","messages":[{"role":"user","content":"x"}],"odd":1}')
    body = FORMAT.close(opened, "claude-x", False, NO_OPTIONS, Profile(provider="anthropic"))
    assert body == b'{"model":"claude-x","messages":[{"role":"user","content":"x"}],"odd":1}'


def test_counting_uses_nothing() -> None:
    facts = FORMAT.response_facts(b'{"input_tokens": 12}')
    assert (facts.usage, facts.is_complete, facts.error) == (None, True, None)


def test_an_answer_without_a_count_is_the_providers_fault() -> None:
    with pytest.raises(UpstreamError, match="input_tokens"):
        FORMAT.response_facts(b"{}")
    facts = FORMAT.response_facts(b'{"type":"error","error":{"type":"overloaded_error","message":"later"}}')
    assert facts.error is not None
    assert facts.error.message == "later"
