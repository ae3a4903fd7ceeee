"""Google's Vertex AI: Gemini, and Anthropic's models, in a project and a location of Google Cloud."""

from urllib.parse import quote

from entresol.llm.format import Operation
from entresol.llm.model_config import ModelOptions
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url

_CLAUDE = "claude"
_METHODS = {"gemini-count-tokens": "countTokens", "vertex-embeddings": "predict"}
"""What a wire format asks of a model."""


class Vertex(Provider):
    """Vertex AI. Which wire a model speaks follows from whose it is."""

    name = "vertex"
    needs = "'model.options.gemini.project_id' and 'model.options.gemini.location_id'"
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "gemini", "embeddings": "vertex-embeddings", "count_tokens": "gemini-count-tokens"}
    paths = dict.fromkeys(
        ("gemini", "anthropic-messages", "vertex-embeddings", "gemini-count-tokens", "anthropic-count-tokens"), "/v1"
    )
    lacks_place = True
    _parent: str = ""
    _endpoint: str | None = None

    def configured(self, options: ModelOptions) -> Provider:
        where = options.gemini
        if where is None or where.project_id is None or where.location_id is None:
            return self
        made = Vertex()
        location = where.location_id
        default = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
        made.base_url = Url("https", where.api_endpoint or default, 443)
        made._parent = f"/v1/projects/{quote(where.project_id, safe='')}/locations/{quote(location, safe='')}"
        made.lacks_place = False
        made._endpoint = where.endpoint_id
        return made

    def format_name(self, operation: Operation, client: str = "", model: str = "") -> str:
        if operation == "chat":
            return "anthropic-messages" if model.startswith(_CLAUDE) else "gemini"
        if operation == "count_tokens":
            return "anthropic-count-tokens" if model.startswith(_CLAUDE) else "gemini-count-tokens"
        return super().format_name(operation, client, model)

    def passed_query(self, wire: str, query: str) -> str:
        return "" if wire.startswith("anthropic-") else query  # Google refuses what it does not know, such as `beta`

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        name = quote(model.removeprefix("models/"), safe="@")
        if wire == "anthropic-messages":
            method = "streamRawPredict" if stream else "rawPredict"
            return f"{self._parent}/publishers/anthropic/models/{name}:{method}", ""
        if wire == "anthropic-count-tokens":  # the model stands in the body
            return f"{self._parent}/publishers/anthropic/models/count-tokens:rawPredict", ""
        if self._endpoint is not None:
            where = f"{self._parent}/endpoints/{quote(self._endpoint, safe='')}"
        else:
            where = f"{self._parent}/publishers/google/models/{name}"
        if wire in _METHODS:
            return f"{where}:{_METHODS[wire]}", ""
        return (f"{where}:streamGenerateContent", "alt=sse") if stream else (f"{where}:generateContent", "")

    def profile(self, model: str, version: str = "") -> Profile:
        return _ANTHROPIC if model.startswith(_CLAUDE) else _GEMINI


_GEMINI = Profile(provider="vertex", counts_whole_requests=False)
_ANTHROPIC = Profile(provider="vertex", body_version="vertex-2023-10-16", has_model_in_body=False)
