from entresol.llm.formats.openai_moderations import OpenAIModerations

FORMAT = OpenAIModerations()


def test_results_are_an_answer_without_usage() -> None:
    facts = FORMAT.response_facts(b'{"id": "modr-1", "model": "omni-moderation", "results": [{"flagged": false}]}')
    assert (facts.response_id, facts.model, facts.usage, facts.is_complete) == ("modr-1", "omni-moderation", None, True)
