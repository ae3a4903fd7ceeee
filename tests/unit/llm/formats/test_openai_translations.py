from entresol.llm.formats.openai_translations import OpenAITranslations


def test_text_passes_and_pages_do_not() -> None:
    assert OpenAITranslations().passes(b"text/plain")
    assert not OpenAITranslations().passes(b"text/html")
