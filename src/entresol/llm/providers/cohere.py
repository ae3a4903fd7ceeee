"""Cohere: api.cohere.com, version 2 of its API."""

from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url


class Cohere(Provider):
    """Cohere's own API."""

    name = "cohere"
    base_url = Url("https", "api.cohere.com", 443)
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "cohere-chat", "embeddings": "cohere-embed", "rerank": "cohere-rerank"}
    paths = {"cohere-chat": "/v2/chat", "cohere-embed": "/v2/embed", "cohere-rerank": "/v2/rerank"}
    version_path = "/v2"

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="cohere")
