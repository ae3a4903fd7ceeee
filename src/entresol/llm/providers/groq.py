"""Groq: api.groq.com."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Groq(OpenAIProvider):
    """GroqCloud."""

    name = "groq"
    base_url = Url("https", "api.groq.com", 443)
    version_path = "/openai/v1"
    wires = ("openai-chat", "openai-responses", "openai-speech", "openai-transcriptions", "openai-translations")
    unsupported = ("logit_bias", "logprobs", "modalities", "top_k", "top_logprobs")
