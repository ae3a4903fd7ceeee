"""vLLM, at the operator's address."""

from entresol.llm.openai_provider import OpenAIProvider


class VLLM(OpenAIProvider):
    """A vLLM server."""

    name = "vllm"
    wires = (
        "openai-chat", "openai-responses", "anthropic-messages", "openai-completions", "openai-embeddings",
        "openai-transcriptions", "openai-translations", "openai-realtime", "rerank",
    )  # fmt: skip
