"""Cerebras: api.cerebras.ai."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Cerebras(OpenAIProvider):
    """Cerebras Inference."""

    name = "cerebras"
    base_url = Url("https", "api.cerebras.ai", 443)
    wires = ("openai-chat", "openai-completions")
    max_tokens_field = "max_completion_tokens"
    unsupported = ("frequency_penalty", "logit_bias", "metadata", "modalities", "presence_penalty", "top_k")
