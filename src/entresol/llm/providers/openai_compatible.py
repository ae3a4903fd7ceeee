"""Any server that speaks OpenAI's API: LM Studio, SGLang, LocalAI, TensorRT-LLM, another gateway."""

from entresol.llm.openai_provider import OpenAIProvider


class OpenAICompatible(OpenAIProvider):
    """An OpenAI-compatible server at the operator's address."""

    name = "openai-compatible"
    wires = (
        "openai-chat", "openai-completions", "openai-embeddings", "openai-images", "openai-image-edits",
        "openai-speech", "openai-transcriptions", "openai-translations", "openai-moderations", "openai-files",
        "openai-batches", "openai-realtime", "rerank",
    )  # fmt: skip
