"""Hugging Face: its router of inference providers, an endpoint of one's own, and TGI's own wire on such an endpoint."""

from entresol.llm.model_config import HuggingfaceOptions, ModelOptions
from entresol.llm.openai_provider import paths_of
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url

_WIRES = ("openai-chat", "openai-responses", "openai-completions", "openai-embeddings")


class HuggingFace(Provider):
    """Hugging Face Inference, or Text Generation Inference at `upstream_url`."""

    name = "huggingface"
    base_url = Url("https", "router.huggingface.co", 443)
    auth = Auth(b"authorization", "Bearer ")
    formats = {"chat": "openai-chat", "embeddings": "openai-embeddings"}
    paths = paths_of("/v1", _WIRES)

    def configured(self, options: ModelOptions) -> Provider:
        wanted = options.huggingface or HuggingfaceOptions()
        if options.upstream_url is None and wanted == HuggingfaceOptions():
            return self
        made = HuggingFace()
        if options.upstream_url is not None:
            made.paths = {**self.paths, "tgi-generate": "/generate"}
        said = ((b"x-use-cache", wanted.use_cache), (b"x-wait-for-model", wanted.wait_for_model))
        made.fields = tuple((name, b"true" if value else b"false") for name, value in said if value is not None)
        return made

    def endpoint(self, wire: str, model: str, stream: bool) -> tuple[str, str]:
        if wire == "tgi-generate" and stream:
            return "/generate_stream", ""
        return super().endpoint(wire, model, stream)

    def profile(self, model: str, version: str = "") -> Profile:
        return _PROFILE


_PROFILE = Profile(provider="huggingface", takes_reasoning_content=True)
