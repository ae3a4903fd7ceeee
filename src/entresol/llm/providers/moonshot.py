"""Moonshot AI: api.moonshot.ai, the Kimi models."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Moonshot(OpenAIProvider):
    """Moonshot AI's platform."""

    name = "moonshot"
    base_url = Url("https", "api.moonshot.ai", 443)
    wires = ("openai-chat",)
    unsupported = ("logit_bias", "metadata", "modalities", "service_tier", "top_k")
