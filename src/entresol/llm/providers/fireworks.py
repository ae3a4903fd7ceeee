"""Fireworks AI: api.fireworks.ai."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Fireworks(OpenAIProvider):
    """Fireworks AI."""

    name = "fireworks"
    base_url = Url("https", "api.fireworks.ai", 443)
    version_path = "/inference/v1"
    wires = ("openai-chat", "openai-responses", "openai-completions", "openai-embeddings", "rerank")
    unsupported = ("modalities",)
