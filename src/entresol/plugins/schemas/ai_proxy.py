"""Configuration of ai-proxy."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig
from entresol.llm.format import Operation
from entresol.llm.model_config import AuthConfig, LoggingConfig, ModelConfig
from entresol.llm.provider import parse_url
from entresol.llm.registry import provider_named
from entresol.llm.templates import Template

OPERATIONS: Final[dict[str, Operation]] = {
    "llm/v1/chat": "chat",
    "llm/v1/completions": "completions",
    "llm/v1/embeddings": "embeddings",
}


class AiProxyConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    route_type: Annotated[
        Literal["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"],
        Meta(
            description="What the route does.",
            extra={
                "not_yet": (
                    "llm/v1/responses", "llm/v1/assistants", "llm/v1/files", "llm/v1/batches",
                    "audio/v1/audio/speech", "audio/v1/audio/transcriptions", "audio/v1/audio/translations",
                    "image/v1/images/generations", "image/v1/images/edits", "video/v1/videos/generations",
                    "realtime/v1/realtime", "preserve",
                )
            },
        ),
    ]  # fmt: skip
    model: ModelConfig
    auth: AuthConfig = AuthConfig()
    logging: LoggingConfig = LoggingConfig()
    llm_format: Annotated[
        Literal["openai", "anthropic", "gemini"],
        Meta(description="The format clients speak.", extra={"not_yet": ("bedrock", "cohere", "huggingface")}),
    ] = "openai"
    response_streaming: Annotated[
        Literal["allow", "always", "deny"], Meta(description="Whether answers may, must or must not be streamed.")
    ] = "allow"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; 0 is no limit. Larger requests: 413.")] = (
        1_048_576
    )
    model_name_header: Annotated[bool, Meta(description="Name the model in a response header.")] = True
    genai_category: Annotated[
        Literal["text/generation", "text/embeddings"],
        Meta(extra={"not_yet": ("audio/speech", "audio/transcription", "image/generation", "video/generation",
                                "realtime/generation")}),
    ] = "text/generation"  # fmt: skip

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rules, and what a provider cannot do."""
        found = []
        provider, name = provider_named(self.model.provider), self.model.provider
        if OPERATIONS[self.route_type] not in provider.formats:
            found.append(("route_type", f"{name} does not support route_type {self.route_type}"))
        if self.llm_format != "openai" and self.route_type != "llm/v1/chat":
            found.append(("llm_format", f"{self.llm_format} is only supported with route_type llm/v1/chat"))
        if name == "gemini" and self.auth.allow_override:
            found.append(("auth.allow_override", "bedrock and gemini only support auth.allow_override = false"))
        if name == "gemini" and self.auth.gcp_use_service_account:
            found.append(("auth.gcp_use_service_account", "not supported yet: use an API key"))
        url = self.model.options.upstream_url
        if url is not None and Template(url).is_constant:
            try:
                parse_url(url)
            except ValueError as error:
                found.append(("model.options.upstream_url", f"invalid url: {error}"))
        return found
