from entresol.llm.formats.openai_realtime import OpenAIRealtime


def test_a_handshake_is_answered_by_an_error_in_openais_words() -> None:
    facts = OpenAIRealtime().response_facts(b'{"error":{"message":"no such model","code":"model_not_found"}}')
    assert facts.error is not None
    assert facts.error.message == "no such model"


def test_pages_are_no_answer() -> None:
    assert not OpenAIRealtime().passes(b"text/html")
