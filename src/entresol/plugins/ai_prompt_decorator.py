"""ai-prompt-decorator: the operator's prompts before and behind the client's. Kong's fields.

It changes the conversation and nothing else: every other field of the request keeps its bytes.
"""

from typing import ClassVar, Final

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body, rewrite_chat_body, rewrite_json_body
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import ClientError
from entresol.llm.prompt_insert import Inserted, inserter, inserter_of_chat
from entresol.plugins.schemas.ai_prompt_decorator import AiPromptDecoratorConfig

_RESPONSES: Final = ("/responses", "/responses/input_tokens")
"""How paths of OpenAI's Responses end."""


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
        self._insert_into_chat = inserter_of_chat(config.llm_format, before, after)

    @property
    def body_limit(self) -> int | None:
        """As configured."""
        return self.config.max_request_body_size or None

    def access(self, exchange: Exchange) -> Deny | None:
        """Put the prompts in."""
        known = json_body(exchange)
        insert_into_chat = self._insert_into_chat
        if insert_into_chat is not None:
            chat = known.chat()
            if chat is not None and insert_into_chat(chat):
                rewrite_chat_body(exchange, known, chat)
                return None
        try:
            self._insert(known.fields, exchange.request.path.endswith(_RESPONSES))
        except ClientError as error:
            return Deny(error.status, error.code, error.message, bare=True)
        rewrite_json_body(exchange, known)
        return None
