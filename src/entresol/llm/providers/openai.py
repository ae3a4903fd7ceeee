"""OpenAI: api.openai.com."""

from entresol.llm.format import Profile
from entresol.llm.provider import Auth, Provider, Url


class OpenAI(Provider):
    """OpenAI's own API."""

    name = "openai"
    base_url = Url("https", "api.openai.com", 443)
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "openai-chat", "completions": "openai-completions", "embeddings": "openai-embeddings"}
    paths = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "embeddings": "/v1/embeddings"}

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(
    provider="openai",
    max_tokens_field="max_completion_tokens",
    has_developer_role=True,
    unsupported=frozenset(("top_k",)),
)
