"""Perplexity: api.perplexity.ai, answers from a search of the web. It runs no tools of the client."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Perplexity(OpenAIProvider):
    """Sonar models."""

    name = "perplexity"
    base_url = Url("https", "api.perplexity.ai", 443)
    version_path = ""
    wires = ("openai-chat",)
    takes_reasoning_content = False
    takes_stream_options = False
    unsupported = (
        "logit_bias", "logprobs", "metadata", "modalities", "n", "parallel_tool_calls", "seed", "service_tier",
        "top_logprobs", "user",
    )  # fmt: skip
