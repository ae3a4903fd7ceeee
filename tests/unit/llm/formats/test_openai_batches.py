from entresol.llm.formats.openai_batches import OpenAIBatches


def test_a_batch_that_is_looked_at_is_not_billed_again() -> None:
    body = b'{"id":"batch_1","status":"completed","usage":{"input_tokens":5,"output_tokens":5}}'
    assert OpenAIBatches().response_facts(body).usage is None


def test_pages_are_no_answer() -> None:
    assert not OpenAIBatches().passes(b"text/html")
