"""NVIDIA NIM: the hosted catalogue, or a container of one's own at `upstream_url`."""

from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Url


class Nvidia(OpenAIProvider):
    """NVIDIA NIM."""

    name = "nvidia"
    base_url = Url("https", "integrate.api.nvidia.com", 443)
    wires = ("openai-chat", "openai-completions", "openai-embeddings")
    unsupported = ("metadata", "modalities", "service_tier", "user")
