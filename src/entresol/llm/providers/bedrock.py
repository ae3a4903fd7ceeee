"""Amazon Bedrock: every model behind one wire, Converse; InvokeModel for clients that speak a model's own."""

from urllib.parse import quote

from entresol.llm.model_config import ModelOptions
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url

_STREAMED = {"bedrock-converse": "converse-stream", "bedrock-invoke": "invoke-with-response-stream"}


class Bedrock(Provider):
    """Bedrock's runtime in a region. Calls are signed, or carry a bearer token."""

    name = "bedrock"
    needs = "'model.options.bedrock.aws_region', or the variable AWS_REGION"
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "bedrock-converse", "embeddings": "bedrock-embeddings"}
    paths = {
        "bedrock-converse": "/model/{model}/converse",
        "bedrock-invoke": "/model/{model}/invoke",
        "bedrock-embeddings": "/model/{model}/invoke",
    }
    version_path = ""

    def configured(self, options: ModelOptions) -> Provider:
        region = None if options.bedrock is None else options.bedrock.aws_region
        return self if region is None else self.in_region(region)

    def in_region(self, region: str) -> "Bedrock":
        """The same in an AWS region, such as `eu-central-1`."""
        made = Bedrock()
        made.base_url = Url("https", f"bedrock-runtime.{region}.amazonaws.com", 443)
        return made

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        if stream and wire in _STREAMED:
            return f"/model/{quote(model, safe='')}/{_STREAMED[wire]}", ""
        return super().endpoint(wire, model, stream)

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="bedrock")
