from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("ollama")


def test_it_is_on_this_machine_unless_told_otherwise() -> None:
    assert PROVIDER.url("ollama-chat", "llama", True, None) == Url("http", "localhost", 11434, "/api/chat")


def test_openais_clients_pass_and_others_get_its_own_wire() -> None:
    assert PROVIDER.format_name("chat", "openai-chat") == "openai-chat"
    assert PROVIDER.format_name("chat", "anthropic-messages") == "ollama-chat"
    assert PROVIDER.format_name("embeddings", "gemini-embeddings") == "ollama-embed"
