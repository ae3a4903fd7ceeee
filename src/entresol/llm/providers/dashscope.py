"""Alibaba Cloud's DashScope (Model Studio), in its OpenAI-compatible mode."""

from entresol.llm.model_config import ModelOptions
from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Provider, Url


class DashScope(OpenAIProvider):
    """Model Studio: the international service, or the one in China (`options.dashscope.international: false`)."""

    name = "dashscope"
    base_url = Url("https", "dashscope-intl.aliyuncs.com", 443)
    version_path = "/compatible-mode/v1"
    wires = ("openai-chat", "openai-completions", "openai-embeddings")

    def configured(self, options: ModelOptions) -> Provider:
        if options.dashscope is None or options.dashscope.international:
            return self
        made = DashScope()
        made.base_url = Url("https", "dashscope.aliyuncs.com", 443)
        return made
