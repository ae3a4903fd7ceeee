"""Answers that are no call of a model."""

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.formats.openai_files import OpenAIFiles

FILES = OpenAIFiles()


def test_there_is_no_usage_whatever_the_answer_says() -> None:
    facts = FILES.response_facts(b'{"id":"batch_1","usage":{"input_tokens":5},"model":"gpt-4o"}')
    assert (facts.usage, facts.model, facts.is_complete) == (None, None, True)
    assert FILES.fragment_facts(b'{"usage":', b"{}").usage is None
    assert FILES.stream_facts(b"data: {}\n\n", None).is_complete


def test_an_error_is_one_in_a_success_too() -> None:
    facts = FILES.response_facts(b'{"error":{"message":"no","code":"rate_limit_exceeded"}}')
    assert facts.error is not None
    assert (facts.error.message, facts.error.status) == ("no", 429)


def test_html_is_no_answer() -> None:
    with pytest.raises(UpstreamError):
        FILES.response_facts(b"<html>")
