"""OpenAI: api.openai.com."""

import re

import msgspec

from entresol.llm.openai_provider import WHOLE_API, OpenAIProvider
from entresol.llm.profile import Profile
from entresol.llm.provider import Url


class OpenAI(OpenAIProvider):
    """OpenAI's own API."""

    name = "openai"
    base_url = Url("https", "api.openai.com", 443)
    wires = WHOLE_API

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
