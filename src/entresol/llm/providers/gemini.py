"""Google's Gemini API: generativelanguage.googleapis.com. The model and the way of answering stand in the path."""

from urllib.parse import quote

from entresol.llm.format import Operation, Profile
from entresol.llm.provider import Auth, Provider, Url


class GeminiApi(Provider):
    """The Gemini Developer API."""

    name = "gemini"
    base_url = Url("https", "generativelanguage.googleapis.com", 443)
    auth = Auth(b"x-goog-api-key", query_parameter="key")
    formats = {"chat": "gemini"}
    paths = {"chat": "/v1beta/models/{model}:generateContent"}

    def endpoint(self, operation: Operation, model: str, stream: bool) -> tuple[str, str]:
        name = quote(model.removeprefix("models/"), safe="")
        if stream:
            return f"/v1beta/models/{name}:streamGenerateContent", "alt=sse"
        return f"/v1beta/models/{name}:generateContent", ""

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="gemini")
