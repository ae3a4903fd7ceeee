"""Together AI: api.together.xyz."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Together(OpenAIProvider):
    """Together AI."""

    name = "together"
    base_url = Url("https", "api.together.xyz", 443)
    wires = (
        "openai-chat", "openai-completions", "openai-embeddings", "openai-images", "openai-speech",
        "openai-transcriptions", "openai-translations", "rerank",
    )  # fmt: skip
    unsupported = ("metadata", "modalities", "service_tier", "user")
