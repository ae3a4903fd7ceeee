from entresol.llm.formats.openai_files import OpenAIFiles


def test_content_of_any_type_passes() -> None:
    assert OpenAIFiles().passes(b"application/octet-stream")
    assert OpenAIFiles().passes(b"text/html")
    assert not OpenAIFiles().passes(b"")
