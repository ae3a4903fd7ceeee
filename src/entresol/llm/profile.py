"""What is known of a model at a provider, and what the operator sets for it."""

from typing import Final, Literal

import msgspec


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a provider (and model) that one wire format leaves open."""

    provider: str
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """OpenAI renamed it; most compatible servers know only the old name."""
    default_max_tokens: int = 4096
    """For formats that demand a limit when the client gave none."""
    has_developer_role: bool = False
    """Knows role `developer`; elsewhere it becomes `system`."""
    takes_reasoning_content: bool = False
    """Takes the model's earlier reasoning back as `reasoning_content`, as many OpenAI-compatible servers do."""
    takes_stream_options: bool = True
    """Takes OpenAI's `stream_options`; elsewhere usage comes unasked."""
    takes_cache_marks: bool = False
    """Takes OpenAI's `prompt_cache_breakpoint` on parts of messages, which servers that do not know it refuse."""
    has_document_urls: bool = False
    """Takes documents as Mistral does, by address or inline in `document_url`."""
    body_version: str | None = None
    """Anthropic's Messages in another cloud: the version of the API stands in the body, the model does not."""
    has_model_in_body: bool = True
    counts_whole_requests: bool = True
    """Gemini's countTokens takes a whole generateContent request; at Vertex AI it takes parts of one."""
    unsupported: frozenset[str] = frozenset()
    """Canonical request fields this provider does not take: dropped and reported."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator sets for every call of a model; each wins over the client's value."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    dimensions: int | None = None
    """Length of embedding vectors."""


NO_OPTIONS: Final = Options()
