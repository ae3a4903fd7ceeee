from entresol.llm.model_config import ModelOptions
from entresol.llm.registry import provider_named

PROVIDER = provider_named("llama2")


def test_the_format_says_which_wire_the_server_speaks() -> None:
    assert PROVIDER.configured(ModelOptions(llama2_format="openai")).format_name("chat") == "openai-chat"
    assert PROVIDER.configured(ModelOptions(llama2_format="ollama")).format_name("chat") == "ollama-chat"
