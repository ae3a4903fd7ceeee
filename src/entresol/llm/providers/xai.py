"""xAI: api.x.ai."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class XAI(OpenAIProvider):
    """Grok models."""

    name = "xai"
    base_url = Url("https", "api.x.ai", 443)
    wires = ("openai-chat", "openai-responses", "openai-completions", "openai-images", "openai-realtime")
    takes_reasoning_content = False
    unsupported = ("logit_bias", "metadata", "modalities", "top_k")
