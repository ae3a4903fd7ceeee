"""GitHub Models: models.github.ai, with a token that has the scope `models:read`."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class GitHubModels(OpenAIProvider):
    """GitHub Models."""

    name = "github"
    base_url = Url("https", "models.github.ai", 443)
    version_path = "/inference"
    wires = ("openai-chat", "openai-embeddings")
    takes_reasoning_content = False
    unsupported = ("logit_bias", "metadata", "service_tier", "top_k")
