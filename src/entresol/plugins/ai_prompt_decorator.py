"""ai-prompt-decorator: the operator's prompts before and behind the client's. Kong's fields.

It changes the conversation and nothing else: every other field of the request keeps its bytes.
"""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body, rewrite_json_body
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import ClientError
from entresol.llm.prompt_insert import Inserted, inserter


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
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "huggingface"],
        Meta(description="The wire format that clients of the route speak."),
    ] = "openai"
    max_request_body_size: Annotated[int, Meta(ge=0, description="Bytes; larger is 413. 0: the server's limit.")] = (
        1048576
    )

    def violations(self) -> list[tuple[str, str]]:
        """Kong's rule across fields."""
        if not self.prompts.prepend and not self.prompts.append:
            return [("prompts", "at least one of these fields must be non-empty: 'append', 'prepend'")]
        return []


class AiPromptDecorator(Plugin[AiPromptDecoratorConfig]):
    """See the module."""

    name = "ai-prompt-decorator"
    priority: ClassVar[int] = 772
    config_type = AiPromptDecoratorConfig
    needs_body = True

    def __init__(self, config: AiPromptDecoratorConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        before, after = (
            [Inserted(prompt.role, prompt.content) for prompt in prompts]
            for prompts in (config.prompts.prepend, config.prompts.append)
        )
        self._insert = inserter(config.llm_format, before, after)

    @property
    def body_limit(self) -> int | None:
        """As configured."""
        return self.config.max_request_body_size or None

    def access(self, exchange: Exchange) -> Deny | None:
        """Put the prompts in."""
        try:
            known = json_body(exchange)
            self._insert(known.fields, exchange.request.path.endswith("/responses"))
        except ClientError as error:
            return Deny(error.status, error.code, error.message, bare=True)
        rewrite_json_body(exchange, known)
        return None
