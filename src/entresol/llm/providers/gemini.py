"""Google's Gemini API: generativelanguage.googleapis.com. The model and the way of answering stand in the path."""

from urllib.parse import quote

from entresol.llm.model_config import GeminiOptions, ModelOptions
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url
from entresol.llm.providers.vertex import Vertex


class GeminiApi(Provider):
    """The Gemini Developer API. With options of Vertex AI it is that, as Kong has it."""

    name = "gemini"
    base_url = Url("https", "generativelanguage.googleapis.com", 443)
    auth = Auth(b"x-goog-api-key", query_parameter="key")
    formats = {"chat": "gemini", "embeddings": "gemini-embeddings", "count_tokens": "gemini-count-tokens"}
    paths = {
        "gemini": "/v1beta/models/{model}:generateContent",
        "gemini-embeddings": "/v1beta/models/{model}:batchEmbedContents",
        "gemini-embed-content": "/v1beta/models/{model}:embedContent",
        "gemini-count-tokens": "/v1beta/models/{model}:countTokens",
    }
    version_path = "/v1beta"

    def configured(self, options: ModelOptions) -> Provider:
        if options.gemini is None or options.gemini == GeminiOptions():
            return self
        return Vertex().configured(options)

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        name = quote(model.removeprefix("models/"), safe="")
        if stream and wire == "gemini":
            return f"/v1beta/models/{name}:streamGenerateContent", "alt=sse"
        return self.paths[wire].replace("{model}", name), ""

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="gemini")
