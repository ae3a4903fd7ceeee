"""Cohere: api.cohere.com, version 2 of its API."""

from entresol.llm.format import Fields, raw_json
from entresol.llm.model_config import ModelOptions
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

    _input_type: str | None = None

    def configured(self, options: ModelOptions) -> Provider:
        if options.cohere is None:
            return self
        made = Cohere()
        made._input_type, made.sets_fields = options.cohere.embedding_input_type, True
        return made

    def set_fields(self, wire: str, model: str, fields: Fields) -> None:
        if wire == "cohere-embed" and self._input_type is not None and "images" not in fields:
            fields["input_type"] = raw_json(self._input_type)

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="cohere")
