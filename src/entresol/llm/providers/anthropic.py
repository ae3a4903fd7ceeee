"""Anthropic: api.anthropic.com."""

from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url


class Anthropic(Provider):
    """Anthropic's Messages API. Every call names the version of the API it was written for."""

    name = "anthropic"
    base_url = Url("https", "api.anthropic.com", 443)
    auth = Auth(b"x-api-key")
    formats = {"chat": "anthropic-messages", "count_tokens": "anthropic-count-tokens"}
    paths = {"anthropic-messages": "/v1/messages", "anthropic-count-tokens": "/v1/messages/count_tokens"}
    version_headers = dict.fromkeys(paths, (b"anthropic-version", "2023-06-01"))

    def profile(self, model: str, version: str = "") -> Profile:
        return _WITHOUT_SAMPLING if version.startswith("20") and version >= "2026-10-21" else _PROFILE


_PROFILE = Profile(provider="anthropic")
_WITHOUT_SAMPLING = Profile(provider="anthropic", unsupported=frozenset(("temperature", "top_p", "top_k")))
"""From this version on (they are dates) the API refuses sampling parameters."""
