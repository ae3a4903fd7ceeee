from entresol.llm.model_config import ModelOptions
from entresol.llm.registry import provider_named

PROVIDER = provider_named("llama2")


def test_the_format_says_which_wire_the_server_speaks() -> None:
    assert PROVIDER.configured(ModelOptions(llama2_format="openai")).format_name("chat") == "openai-chat"
    assert PROVIDER.configured(ModelOptions(llama2_format="ollama")).format_name("chat") == "ollama-chat"


def test_ollamas_own_wire_is_meant_for_clients_of_openai_too() -> None:
    made = PROVIDER.configured(ModelOptions(llama2_format="ollama"))
    assert made.format_name("chat", "openai-chat") == made.format_name("chat", "openai-responses") == "ollama-chat"
    assert made.format_name("embeddings", "openai-embeddings") == "ollama-embed"
    assert made.format_name("chat", "openai-completions") == "openai-completions"
