"""Kong's configuration blocks for a model, as every AI plugin that calls one has them: auth, model, options, logging.

Fields, defaults and messages are Kong's (Gateway 3.15). Fields for providers that are not supported yet load, so that
a file written for Kong is read; what would change a call to a provider that is supported is a violation.
"""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from entresol.core.secret import Secret
from entresol.llm.model_profiles import ModelFacts
from entresol.llm.names import installed_providers
from entresol.llm.profile import NO_OPTIONS, Options

Violations = list[tuple[str, str]]
Positive = Annotated[float, Meta(gt=0)]

_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_WRITTEN = frozenset((
    "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
))  # fmt: skip
_PLACEHOLDER = re.compile(r"\$\((?:headers|uri_captures|query_params)\.")
TEMPLATED: Final = {
    "azure_instance": "host", "azure_deployment_id": "path", "azure_api_version": "path",
    "databricks.workspace_instance_id": "host", "gemini.endpoint_id": "path", "gemini.location_id": "host",
    "gemini.project_id": "path",
}  # fmt: skip
"""Options that may hold placeholders, and the part of the provider's address that they become."""
_WITH_PLACEHOLDERS = ("upstream_url", "upstream_path", *TEMPLATED)
_SELF_HOSTED = ("llama-cpp", "llama2", "openai-compatible", "vllm")


class AuthConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateway proves itself to the provider."""

    header_name: str | None = None
    header_value: Secret | None = None
    param_name: str | None = None
    param_value: Secret | None = None
    param_location: Literal["query", "body"] | None = None
    allow_override: Annotated[bool, Meta(description="A credential that the client sends wins.")] = False
    azure_use_managed_identity: bool = False
    azure_client_id: str | None = None
    azure_client_secret: Secret | None = None
    azure_tenant_id: str | None = None
    gcp_use_service_account: bool = False
    gcp_service_account_json: Secret | None = None
    gcp_metadata_url: str | None = None
    gcp_oauth_token_url: str | None = None
    aws_access_key_id: Secret | None = None
    aws_secret_access_key: Secret | None = None

    def violations(self) -> Violations:
        """Kong's rules: parts of a credential come together; and a field's name is one."""
        found: Violations = []
        if self.header_name is not None and _FIELD_NAME.fullmatch(self.header_name) is None:
            found.append(("header_name", "expected the name of a header field, such as Authorization"))
        elif self.header_name is not None and self.header_name.lower() in _WRITTEN:
            found.append(("header_name", f"{self.header_name} is written by the gateway itself"))
        header = (("header_name", self.header_name), ("header_value", self.header_value))
        parameter = (
            ("param_name", self.param_name),
            ("param_value", self.param_value),
            ("param_location", self.param_location),
        )
        for group in (header, parameter):
            missing = [name for name, value in group if value is None]
            if missing and len(missing) < len(group):
                names = ", ".join(f"'auth.{name}'" for name, _ in group)
                found.append(("@entity", f"all or none of these fields must be set: {names}"))
                found += [(name, "required field missing") for name in missing]
        return found


class BedrockOptions(msgspec.Struct, frozen=True, kw_only=True):
    aws_region: str | None = None
    aws_assume_role_arn: str | None = None
    aws_role_session_name: str | None = None
    aws_sts_endpoint_url: str | None = None
    batch_bucket_prefix: str | None = None
    batch_role_arn: str | None = None
    embeddings_normalize: Annotated[
        bool | None, Meta(description="Whether Titan's vectors have length 1; unset, Titan decides.")
    ] = None
    performance_config_latency: Annotated[str, Meta(description="`standard` or `optimized`.")] | None = None
    video_output_s3_uri: str | None = None


class CohereOptions(msgspec.Struct, frozen=True, kw_only=True):
    embedding_input_type: Literal["classification", "clustering", "image", "search_document", "search_query"] = (
        "classification"
    )
    wait_for_model: bool | None = None


class DashscopeOptions(msgspec.Struct, frozen=True, kw_only=True):
    international: bool = True


class DatabricksOptions(msgspec.Struct, frozen=True, kw_only=True):
    workspace_instance_id: str | None = None


class GeminiOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Vertex AI, which is another provider than the Gemini API."""

    api_endpoint: str | None = None
    endpoint_id: str | None = None
    location_id: str | None = None
    project_id: str | None = None


class HuggingfaceOptions(msgspec.Struct, frozen=True, kw_only=True):
    use_cache: bool | None = None
    wait_for_model: bool | None = None


class CacheWriteCost(msgspec.Struct, frozen=True, kw_only=True):
    ttl: str
    cost: Positive


class ContextWindowFactor(msgspec.Struct, frozen=True, kw_only=True):
    """Above so many input tokens, every token costs more."""

    above: Annotated[str, Meta(pattern="^[0-9]+$", extra={"message": "expected a number of tokens"})]
    input_factor: Positive
    output_factor: Positive


class ServiceTierFactor(msgspec.Struct, frozen=True, kw_only=True):
    tier: Annotated[str, Meta(min_length=1)]
    factor: Positive


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is set for every call of the model. Each value wins over the client's."""

    max_tokens: int | None = None
    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=500)] | None = None
    embeddings_dimensions: Annotated[int, Meta(gt=0)] | None = None
    input_cost: Annotated[float, Meta(gt=0, description="Dollars per 1M prompt tokens.")] | None = None
    output_cost: Annotated[float, Meta(gt=0, description="Dollars per 1M answer tokens.")] | None = None
    cache_read_cost: Positive | None = None
    cache_write_cost: Positive | None = None
    cache_write_cost_list: tuple[CacheWriteCost, ...] = ()
    context_window_factor: tuple[ContextWindowFactor, ...] = ()
    service_tier_factor: tuple[ServiceTierFactor, ...] = ()
    upstream_url: (
        Annotated[str, Meta(description="Where the model is, instead of the provider's own address.")] | None
    ) = None
    upstream_path: Annotated[str, Meta(description="The path at the provider, instead of its own.")] | None = None
    anthropic_version: str | None = None
    azure_api_version: str = "2023-05-15"
    azure_deployment_id: str | None = None
    azure_instance: str | None = None
    llama2_format: Literal["ollama", "openai", "raw"] | None = None
    mistral_format: Literal["ollama", "openai"] | None = None
    bedrock: BedrockOptions | None = None
    cohere: CohereOptions | None = None
    dashscope: DashscopeOptions | None = None
    databricks: DatabricksOptions | None = None
    gemini: GeminiOptions | None = None
    huggingface: HuggingfaceOptions | None = None

    def for_calls(self) -> Options:
        """The part that goes into requests."""
        options = Options(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            dimensions=self.embeddings_dimensions,
        )
        return NO_OPTIONS if options == NO_OPTIONS else options


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which model, at which provider."""

    provider: Annotated[str, Meta(description="Any that is installed, third parties' included.")]
    name: (
        Annotated[str, Meta(description="May hold `$(headers.x)`, `$(uri_captures.x)`, `$(query_params.x)`.")] | None
    ) = None
    model_alias: Annotated[str, Meta(description="The name clients call the model by.")] | None = None
    options: ModelOptions = ModelOptions()
    profile: Annotated[ModelFacts, Meta(description="What is known of the model.")] | None = None

    def violations(self) -> Violations:
        """Kong's rules per provider."""
        options = self.options
        found: Violations = [
            (f"options.{path}", f"placeholders are possible in {', '.join(_WITH_PLACEHOLDERS)} only")
            for path, text in _texts(options)
            if _PLACEHOLDER.search(text) is not None and path not in _WITH_PLACEHOLDERS
        ]
        if self.provider not in installed_providers():
            found.append(("provider", f"expected one of: {', '.join(installed_providers())}"))
        if self.provider == "anthropic" and options.anthropic_version is None:
            found.append(
                ("options.anthropic_version", "must set 'model.options.anthropic_version' for anthropic provider")
            )
        if self.provider in _SELF_HOSTED and options.upstream_url is None:
            found.append(
                ("options.upstream_url", "must set 'model.options.upstream_url' for self-hosted providers/models")
            )
        if self.provider == "azure" and options.azure_instance is None and options.upstream_url is None:
            found.append(("options.azure_instance", "must set 'model.options.azure_instance' for azure provider"))
        if self.provider == "llama2" and options.llama2_format is None:
            found.append(("options.llama2_format", "must set 'model.options.llama2_format' for llama2 provider"))
        if self.provider == "llama2" and options.llama2_format == "raw":
            found.append(("options.llama2_format", "raw prompts are not supported: serve the model with a chat API"))
        if self.provider == "mistral" and options.mistral_format == "ollama" and options.upstream_url is None:
            found.append(
                ("options.upstream_url", "must set 'model.options.upstream_url' for self-hosted providers/models")
            )
        if self.provider == "mistral" and options.mistral_format is None:
            found.append(("options.mistral_format", "must set 'model.options.mistral_format' for mistral provider"))
        return found


def _texts(options: msgspec.Struct) -> list[tuple[str, str]]:
    """Every text among options, by its path."""
    found = []
    for name in options.__struct_fields__:
        value = getattr(options, name)
        if isinstance(value, str):
            found.append((name, value))
        elif isinstance(value, msgspec.Struct):
            found += [(f"{name}.{path}", text) for path, text in _texts(value)]
    return found


class LoggingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What log plugins get to see."""

    log_statistics: Annotated[bool, Meta(description="Model, tokens, cost and latency.")] = False
    log_payloads: Annotated[bool, Meta(description="The bodies, which may hold personal data.")] = False
