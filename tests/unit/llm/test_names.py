from entresol.llm.names import installed_providers


def test_what_is_installed_is_known_by_name() -> None:
    names = installed_providers()
    assert list(names) == sorted(names)
    assert {"openai", "anthropic", "gemini", "bedrock"} <= set(names)
