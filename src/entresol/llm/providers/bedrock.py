"""Amazon Bedrock: every model behind one wire, Converse; InvokeModel for clients that speak a model's own."""

import re
from urllib.parse import quote

from entresol.core.errors import ConfigError
from entresol.llm.format import Fields, Operation, raw_json
from entresol.llm.model_config import BedrockOptions, ModelOptions
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, HeaderFields, Provider, Url

_STREAMED = {"bedrock-converse": "converse-stream", "bedrock-invoke": "invoke-with-response-stream"}
_NORMALIZES = "amazon.titan-embed-text-v2"
"""The model that can be told to."""
_COUNTED = re.compile(r"(?<![\w-])anthropic\.claude-(?!v\d|instant|[12]\b|3-(?:haiku|sonnet|opus))[\w.:-]+\Z")
"""Models for which Bedrock counts tokens. It does for the models themselves, not for profiles over several regions."""


class Bedrock(Provider):
    """Bedrock's runtime in a region. Calls are signed, or carry a bearer token."""

    name = "bedrock"
    needs = "'model.options.bedrock.aws_region', or the variable AWS_REGION"
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "bedrock-converse", "embeddings": "bedrock-embeddings", "count_tokens": "bedrock-count-tokens"}
    paths = {
        "bedrock-converse": "/model/{model}/converse",
        "bedrock-invoke": "/model/{model}/invoke",
        "bedrock-embeddings": "/model/{model}/invoke",
        "bedrock-count-tokens": "/model/{model}/count-tokens",
    }
    version_path = ""

    _latency: str | None = None
    _normalizes: bool | None = None

    def configured(self, options: ModelOptions) -> Provider:
        wanted = options.bedrock
        if wanted is None or wanted == BedrockOptions():
            return self
        made = Bedrock() if wanted.aws_region is None else self.in_region(wanted.aws_region)
        made._latency, made._normalizes = wanted.performance_config_latency, wanted.embeddings_normalize
        made.sets_fields = made._latency is not None or made._normalizes is not None
        return made

    def format_name(self, operation: Operation, client: str = "", model: str = "") -> str:
        if operation == "count_tokens" and model and _COUNTED.search(model) is None:
            raise ConfigError("unsupported_operation", f"provider bedrock counts no tokens for the model {model}")
        return super().format_name(operation, client, model)

    def in_region(self, region: str) -> "Bedrock":
        """The same in an AWS region, such as `eu-central-1`."""
        made = Bedrock()
        made.base_url = Url("https", f"bedrock-runtime.{region}.amazonaws.com", 443)
        return made

    def set_fields(self, wire: str, model: str, fields: Fields) -> None:
        if wire == "bedrock-converse" and self._latency is not None:
            fields["performanceConfig"] = raw_json({"latency": self._latency})
        elif wire == "bedrock-embeddings" and self._normalizes is not None and _NORMALIZES in model:
            fields["normalize"] = raw_json(self._normalizes)

    def fields_of(self, wire: str) -> HeaderFields:
        if wire == "bedrock-invoke" and self._latency is not None:
            return ((b"x-amzn-bedrock-performanceconfig-latency", self._latency.encode()),)
        return self.fields

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        if stream and wire in _STREAMED:
            return f"/model/{quote(model, safe='')}/{_STREAMED[wire]}", ""
        if wire == "bedrock-count-tokens":
            counted = _COUNTED.search(model)
            model = model if counted is None else counted[0]
        return super().endpoint(wire, model, stream)

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="bedrock")
