"""Ollama: its own wire, which says more (context length, thinking, time in memory) than its OpenAI-compatible one.

OpenAI's clients get the latter, where their bytes pass; all others are translated to the former.
"""

from entresol.llm.openai_provider import paths_of
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url


class Ollama(Provider):
    """An Ollama server, on this machine unless `upstream_url` says where."""

    name = "ollama"
    base_url = Url("http", "localhost", 11434)
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "ollama-chat", "embeddings": "ollama-embed"}
    paths = {
        "ollama-chat": "/api/chat",
        "ollama-generate": "/api/generate",
        "ollama-embed": "/api/embed",
        **paths_of("/v1", ("openai-chat", "openai-completions", "openai-embeddings", "openai-responses")),
    }

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


class OllamaFormat(Ollama):
    """What Kong's `llama2_format` and `mistral_format` call `ollama`: Ollama's own wire, for clients of OpenAI's chat
    and embeddings, too."""

    paths = {
        wire: path for wire, path in Ollama.paths.items() if wire.startswith("ollama-") or wire == "openai-completions"
    }


_PROFILE = Profile(provider="ollama", takes_reasoning_content=True)
