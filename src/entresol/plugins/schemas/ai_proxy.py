"""Configuration of ai-proxy."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig
from entresol.core.errors import ConfigError
from entresol.llm.format import Format
from entresol.llm.model_config import AuthConfig, LoggingConfig, ModelConfig
from entresol.llm.names import installed_providers
from entresol.llm.provider import Provider, parse_url
from entresol.llm.registry import format_named, provider_named
from entresol.llm.templates import Template

CLIENT_WIRES: Final[dict[str, dict[str, str]]] = {
    "llm/v1/chat": {
        "openai": "openai-chat",
        "anthropic": "anthropic-messages",
        "gemini": "gemini",
        "bedrock": "bedrock-converse",
        "cohere": "cohere-chat",
        "huggingface": "tgi-generate",
        "ollama": "ollama-chat",
    },
    "llm/v1/responses": {"openai": "openai-responses"},
    "llm/v1/completions": {"openai": "openai-completions", "ollama": "ollama-generate"},
    "llm/v1/embeddings": {
        "openai": "openai-embeddings",
        "gemini": "gemini-embeddings",
        "cohere": "cohere-embed",
        "ollama": "ollama-embed",
    },
    "llm/v1/rerank": {"openai": "rerank", "cohere": "cohere-rerank"},
    "llm/v1/moderations": {"openai": "openai-moderations"},
    "llm/v1/count_tokens": {
        "openai": "openai-input-tokens",
        "anthropic": "anthropic-count-tokens",
        "gemini": "gemini-count-tokens",
        "bedrock": "bedrock-count-tokens",
    },
    "llm/v1/files": {"openai": "openai-files"},
    "llm/v1/batches": {"openai": "openai-batches"},
    "image/v1/images/generations": {"openai": "openai-images"},
    "image/v1/images/edits": {"openai": "openai-image-edits"},
    "audio/v1/audio/speech": {"openai": "openai-speech"},
    "audio/v1/audio/transcriptions": {"openai": "openai-transcriptions"},
    "audio/v1/audio/translations": {"openai": "openai-translations"},
    "realtime/v1/realtime": {"openai": "openai-realtime"},
}
"""The wire that clients of a route type speak, by `llm_format`."""
BESIDE_CHAT: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "openai-responses": (("/input_tokens", "openai-input-tokens"),),
    "anthropic-messages": (("/count_tokens", "anthropic-count-tokens"),),
    "bedrock-converse": (
        ("/invoke", "bedrock-invoke"),
        ("/invoke-with-response-stream", "bedrock-invoke"),
        ("/count-tokens", "bedrock-count-tokens"),
    ),
    "cohere-chat": (("/embed", "cohere-embed"), ("/rerank", "cohere-rerank")),
    "gemini": (
        (":embedContent", "gemini-embed-content"),
        (":batchEmbedContents", "gemini-embeddings"),
        (":countTokens", "gemini-count-tokens"),
        (":predict", "vertex-embeddings"),
    ),
    "ollama-chat": (("/api/generate", "ollama-generate"), ("/api/embed", "ollama-embed")),
}
"""Wires that clients of a chat wire speak beside it, where a route for chat takes their paths in: how the path ends,
and the wire."""
_PASSED_TYPES: Final = (
    "llm/v1/files", "llm/v1/batches", "image/v1/images/edits", "audio/v1/audio/transcriptions",
    "audio/v1/audio/translations", "realtime/v1/realtime",
)  # fmt: skip
"""Route types whose request bodies pass as they come."""
RouteType = Annotated[
    Literal[
        "llm/v1/chat", "llm/v1/responses", "llm/v1/completions", "llm/v1/embeddings", "llm/v1/rerank",
        "llm/v1/moderations", "llm/v1/count_tokens", "llm/v1/files", "llm/v1/batches", "image/v1/images/generations",
        "image/v1/images/edits", "audio/v1/audio/speech", "audio/v1/audio/transcriptions",
        "audio/v1/audio/translations", "realtime/v1/realtime",
    ],
    Meta(
        description="What the route does.",
        extra={
            "not_yet": (
                "llm/v1/assistants", "video/v1/videos/generations", "preserve",
            )
        },
    ),
]  # fmt: skip
_UNWRITABLE: Final = re.compile(r"[^\x21-\x7e]")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class RealtimeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How much one realtime session may take; then it is cut."""

    max_session_s: Annotated[Annotated[float, Meta(gt=0)] | None, Meta(description="Seconds; none is no limit.")] = None
    max_tokens: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens in all; none is no limit.")] = (
        None
    )

    def limits(self) -> tuple[float | None, int | None]:
        """Both."""
        return self.max_session_s, self.max_tokens


class AiProxyConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields; `llm/v1/rerank`, `llm/v1/moderations`, `llm/v1/count_tokens` and the format `ollama` are ours."""

    route_type: RouteType
    model: ModelConfig
    auth: AuthConfig = AuthConfig()
    logging: LoggingConfig = LoggingConfig()
    llm_format: Annotated[
        Literal["openai", "anthropic", "bedrock", "cohere", "gemini", "huggingface", "ollama"],
        Meta(description="The format clients speak."),
    ] = "openai"
    response_streaming: Annotated[
        Literal["allow", "always", "deny"], Meta(description="Whether answers may, must or must not be streamed.")
    ] = "allow"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; 0 is no limit. Larger requests: 413.")] = (
        1_048_576
    )
    realtime: RealtimeConfig = RealtimeConfig()
    model_name_header: Annotated[bool, Meta(description="Name the model in a response header.")] = True
    genai_category: Annotated[
        Literal[
            "text/generation", "text/embeddings", "audio/speech", "audio/transcription", "image/generation",
            "realtime/generation",
        ],
        Meta(extra={"not_yet": ("video/generation",)}),
    ] = "text/generation"  # fmt: skip

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rules, and what a provider cannot do."""
        found = []
        name, wires = self.model.provider, CLIENT_WIRES[self.route_type]
        wire = wires.get(self.llm_format)
        if wire is None:
            types = [name for name, formats in CLIENT_WIRES.items() if self.llm_format in formats]
            found.append(("llm_format", f"{self.llm_format} is only supported with route_type {' or '.join(types)}"))
        if name not in installed_providers():
            return found  # the model's own rules have said so
        try:
            provider = provider_named(name).configured(self.model.options)
            if wire is not None and self.route_type != "llm/v1/count_tokens":  # which are estimated, if need be
                provider.format_name(format_named(wire).operation, wire)
        except ConfigError as error:
            where = "route_type" if error.code == "unsupported_operation" else "model.options"
            found.append((where, self._possible() if where == "route_type" else error.message))
        if self.auth.param_location == "body" and self.route_type in _PASSED_TYPES:
            found.append(("auth.param_location", f"body is not possible with route_type {self.route_type}"))
        if name in ("gemini", "bedrock") and self.auth.allow_override:
            found.append(("auth.allow_override", "bedrock and gemini only support auth.allow_override = false"))
        url = self.model.options.upstream_url
        if url is not None and Template(url).is_constant:
            try:
                parse_url(url)
            except ValueError as error:
                found.append(("model.options.upstream_url", f"invalid url: {error}"))
        path = self.model.options.upstream_path
        if path is not None and _UNWRITABLE.search(path) is not None:
            message = "invalid path: holds white space or characters that are not ASCII"
            found.append(("model.options.upstream_path", message))
        return found + self._host_violations()

    def _possible(self) -> str:
        """Why the route type is not, and which are for clients of this format."""
        name = self.model.provider
        provider, known = provider_named(name).configured(self.model.options), []
        for route_type, wires in CLIENT_WIRES.items():
            wire = wires.get(self.llm_format)
            if wire is not None and _speaks(provider, wire):
                known.append(route_type)
        return f"{name} does not support route_type {self.route_type}, only: {', '.join(known)}"

    def _host_violations(self) -> list[tuple[str, str]]:
        """Options become part of the provider's host."""
        try:
            base = provider_named(self.model.provider).configured(self.model.options).base_url
        except ConfigError:
            return []  # told elsewhere
        if base is None or "$(" in base.host or _HOST.fullmatch(base.host) is not None:
            return []
        return [("model.options", f"{base.host!r} is no host name")]


def formats_beside(client: Format, provider: Provider) -> list[tuple[str, Format | str]]:
    """Formats of other operations that clients of a route for chat call there, or why they cannot, by how their paths
    end."""
    return [(end, _why_not(provider, wire) or format_named(wire)) for end, wire in BESIDE_CHAT.get(client.name, ())]


def _speaks(provider: Provider, wire: str) -> bool:
    """Whether clients of a wire get an answer."""
    return _why_not(provider, wire) is None


def _why_not(provider: Provider, wire: str) -> str | None:
    """Why clients of a wire get no answer; None if they do. What no provider counts, the gateway estimates."""
    wire_format = format_named(wire)
    if wire_format.operation == "count_tokens":
        return None
    try:
        spoken = provider.format_name(wire_format.operation, wire)
    except ConfigError as error:
        return error.message
    if wire == "bedrock-invoke" and spoken != wire:
        why = "whose bodies are a model's own and are not translated: call converse instead"
        return f"provider {provider.name} does not speak {wire}, {why}"
    return None
