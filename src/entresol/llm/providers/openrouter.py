"""OpenRouter: openrouter.ai, many providers behind one API."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class OpenRouter(OpenAIProvider):
    """OpenRouter."""

    name = "openrouter"
    base_url = Url("https", "openrouter.ai", 443)
    version_path = "/api/v1"
    wires = ("openai-chat", "openai-responses", "openai-completions", "openai-embeddings")
