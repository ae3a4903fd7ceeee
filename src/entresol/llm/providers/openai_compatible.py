"""Any server that speaks OpenAI's API: vLLM, Ollama, llama.cpp, LM Studio, Groq, OpenRouter, another gateway."""

from entresol.llm.format import Profile
from entresol.llm.provider import Auth, Provider


class OpenAICompatible(Provider):
    """An OpenAI-compatible server at the operator's address."""

    name = "openai-compatible"
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "openai-chat", "completions": "openai-completions", "embeddings": "openai-embeddings"}
    paths = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "embeddings": "/v1/embeddings"}

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="openai-compatible", takes_reasoning_content=True)
