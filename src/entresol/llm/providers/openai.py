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
        if _DOES_NOT_REASON.match(model):
            return _WITHOUT_REASONING
        return _WITH_CACHE_MARKS if _TAKES_CACHE_MARKS.match(model) else _PROFILE


_PROFILE = Profile(
    provider="openai",
    max_tokens_field="max_completion_tokens",
    has_developer_role=True,
    unsupported=frozenset(("top_k",)),
)
_WITHOUT_REASONING = msgspec.structs.replace(_PROFILE, unsupported=frozenset(("top_k", "reasoning")))
_WITH_CACHE_MARKS = msgspec.structs.replace(_PROFILE, takes_cache_marks=True)
_TAKES_CACHE_MARKS = re.compile(r"(?:ft:)?gpt-(?:5\.(?:[6-9]|\d\d)|[6-9]|[1-9]\d)(?!\d)")
"""From GPT-5.6 on ("Prompt caching", Explicit breakpoints)."""
_DOES_NOT_REASON = re.compile(r"(?:ft:)?(?:gpt-3|gpt-4|chatgpt-4)")
"""Older models refuse calls that say anything about reasoning, even that there should be none."""
