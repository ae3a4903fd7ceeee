"""Configuration of ai-prompt-decorator."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig


class DecorationPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt."""

    role: Annotated[Literal["system", "user", "assistant"], Meta(description="Who says it.")] = "system"
    content: Annotated[str, Meta(min_length=1, max_length=100_000, description="What it says.")]


DecorationPrompts = Annotated[tuple[DecorationPrompt, ...], Meta(max_length=15)]


class Prompts(msgspec.Struct, frozen=True, kw_only=True):
    """What to put in."""

    prepend: Annotated[DecorationPrompts, Meta(description="Before the conversation, in this order.")] = ()
    append: Annotated[DecorationPrompts, Meta(description="Behind the conversation, in this order.")] = ()


class AiPromptDecoratorConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    prompts: Annotated[Prompts, Meta(description="`prepend` and `append`: at least one prompt.")] = Prompts()
    llm_format: Annotated[
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "huggingface", "ollama"],
        Meta(description="The wire format that clients of the route speak."),
    ] = "openai"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; larger is 413. 0: the server's limit.")] = (
        1048576
    )

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rule across fields."""
        if not self.prompts.prepend and not self.prompts.append:
            names = "'config.prompts.prepend', 'config.prompts.append'"
            return [("@entity", f"at least one of these fields must be non-empty: {names}")]
        return []
