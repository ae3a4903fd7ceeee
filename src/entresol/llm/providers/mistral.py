"""Mistral AI: api.mistral.ai. It refuses fields that it does not know."""

from entresol.llm.json_fields import Fields
from entresol.llm.model_config import ModelOptions
from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Provider, Url
from entresol.llm.providers.ollama import OllamaFormat


class Mistral(OpenAIProvider):
    """La Plateforme, or a Mistral model on an Ollama server (`mistral_format`)."""

    name = "mistral"
    base_url = Url("https", "api.mistral.ai", 443)
    wires = ("openai-chat", "openai-embeddings", "openai-moderations", "openai-transcriptions", "openai-speech")
    takes_reasoning_content = False
    takes_stream_options = False
    has_document_urls = True
    sets_fields = True
    unsupported = ("logit_bias", "logprobs", "modalities", "service_tier", "top_k", "top_logprobs", "user")

    def configured(self, options: ModelOptions) -> Provider:
        return OllamaFormat() if options.mistral_format == "ollama" else self

    def set_fields(self, wire: str, model: str, fields: Fields) -> None:
        # API reference, "Chat Completion": `random_seed` is its name for OpenAI's `seed`, which it refuses.
        seed = fields.pop("seed", None) if wire == "openai-chat" else None
        if seed is not None:
            fields.setdefault("random_seed", seed)
