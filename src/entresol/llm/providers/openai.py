"""OpenAI: api.openai.com."""

import re

import msgspec

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
        return _WITHOUT_REASONING if _DOES_NOT_REASON.match(model) else _PROFILE


_PROFILE = Profile(
    provider="openai",
    max_tokens_field="max_completion_tokens",
    has_developer_role=True,
    unsupported=frozenset(("top_k",)),
)
_WITHOUT_REASONING = msgspec.structs.replace(_PROFILE, unsupported=frozenset(("top_k", "reasoning")))
_DOES_NOT_REASON = re.compile(r"(?:ft:)?(?:gpt-3|gpt-4|chatgpt-4)")
"""Older models refuse calls that say anything about reasoning, even that there should be none."""
