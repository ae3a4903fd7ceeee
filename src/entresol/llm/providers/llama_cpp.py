"""llama.cpp's server, at the operator's address."""

from entresol.llm.openai_provider import OpenAIProvider


class LlamaCpp(OpenAIProvider):
    """A llama.cpp server."""

    name = "llama-cpp"
    wires = (
        "openai-chat", "openai-responses", "anthropic-messages", "openai-completions", "openai-embeddings", "rerank",
    )  # fmt: skip
