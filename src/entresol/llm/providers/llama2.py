"""Kong's name for a model on a server of one's own: `llama2_format` says which wire that server speaks."""

from entresol.llm.model_config import ModelOptions
from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Provider
from entresol.llm.providers.ollama import OllamaFormat


class Llama2(OpenAIProvider):
    """A self-hosted model."""

    name = "llama2"

    def configured(self, options: ModelOptions) -> Provider:
        return OllamaFormat() if options.llama2_format == "ollama" else self
