"""Configuration of ai-prompt-guard."""

from typing import Annotated, Literal

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig
from entresol.policy.prompt_guard import MAX_PATTERN, pattern_problem

Pattern = Annotated[str, Meta(min_length=1, max_length=MAX_PATTERN, extra={"check": pattern_problem})]
Patterns = Annotated[tuple[Pattern, ...], Meta(max_length=10)]
Category = Annotated[
    Literal["text/generation", "text/embeddings", "image/generation", "audio/speech"],
    Meta(extra={"not_yet": ("audio/transcription", "realtime/generation", "video/generation")}),
]


class AiPromptGuardConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields, and `reveal_failure_reason`, which is ours."""

    deny_patterns: Annotated[Patterns, Meta(description="RE2 patterns that no prompt may match.")] = ()
    allow_patterns: Annotated[Patterns, Meta(description="RE2 patterns of which each prompt must match one.")] = ()
    allow_all_conversation_history: Annotated[
        bool, Meta(description="True: only the newest user message is checked, in spite of the name.")
    ] = False
    match_all_roles: Annotated[bool, Meta(description="Check what every role says, not only the user.")] = False
    reveal_failure_reason: Annotated[
        bool, Meta(description="Ours. False: every refusal reads `bad request`, as in Kong.")
    ] = True
    llm_format: Annotated[
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "huggingface", "ollama"],
        Meta(description="Accepted; every format is read, whatever this says."),
    ] = "openai"
    genai_category: Annotated[Category, Meta(description="What kind of request it is.")] = "text/generation"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; larger is 413. 0: the server's limit.")] = (
        1048576
    )

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rules across fields."""
        found = []
        if not self.deny_patterns and not self.allow_patterns:
            names = "'config.allow_patterns', 'config.deny_patterns'"
            found.append(("@entity", f"at least one of these fields must be non-empty: {names}"))
        if self.match_all_roles and self.allow_all_conversation_history:
            found.append(("allow_all_conversation_history", "must be false when 'match_all_roles' is true"))
        return found
