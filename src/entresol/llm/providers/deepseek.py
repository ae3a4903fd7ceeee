"""DeepSeek: api.deepseek.com."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class DeepSeek(OpenAIProvider):
    """DeepSeek models."""

    name = "deepseek"
    base_url = Url("https", "api.deepseek.com", 443)
    wires = ("openai-chat",)
    unsupported = ("logit_bias", "metadata", "modalities", "n", "seed", "service_tier", "top_k", "user")
