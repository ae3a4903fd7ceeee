"""ai-prompt-guard: prompts must match no deny pattern and, if there are any, one allow pattern. Kong's fields.

Unlike Kong's, it reads every wire format, text in parts, and says which pattern refused (`reveal_failure_reason`).
"""

from typing import ClassVar

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import JsonBody, json_body
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import ClientError
from entresol.llm.plain_turn import PlainTurn
from entresol.llm.plain_turns import plain_turns
from entresol.llm.prompt_text import USER, Prompt, read_prompts
from entresol.plugins.schemas.ai_prompt_guard import AiPromptGuardConfig
from entresol.policy.prompt_guard import PromptGuard
from entresol.policy.prompt_verdict import Turn, Verdict


class AiPromptGuard(Plugin[AiPromptGuardConfig]):
    """See the module."""

    name = "ai-prompt-guard"
    priority: ClassVar[int] = 771
    config_type = AiPromptGuardConfig
    needs_body = True

    def __init__(self, config: AiPromptGuardConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._guard = PromptGuard(config.allow_patterns, config.deny_patterns)
        self._every_role = config.match_all_roles
        self._newest_only = config.allow_all_conversation_history
        self._not_allowed = self._refusal(
            "prompt_not_allowed", "the prompt matches none of the allow_patterns of ai-prompt-guard"
        )
        self._denied = [
            self._refusal("prompt_denied", f"the prompt matches deny_patterns[{at}] of ai-prompt-guard")
            for at in range(len(config.deny_patterns))
        ]

    @property
    def body_limit(self) -> int | None:
        """As configured."""
        return self.config.max_request_body_size or None

    def access(self, exchange: Exchange) -> Deny | None:
        """Judge what the prompt says."""
        try:
            verdict = self._judge(exchange)
        except ClientError as error:
            return self._refusal(error.code, error.message)
        if verdict is None:
            return None
        return self._not_allowed if verdict.index is None else self._denied[verdict.index]

    def _judge(self, exchange: Exchange) -> Verdict | None:
        known = json_body(exchange)
        chat = known.chat()
        if chat is not None:
            said = chat.texts(None if self._every_role else USER)
            if said is not None:
                return self._guard.judge_texts(said[:1] if self._newest_only else said)
        turns = _plain_turns(known)
        if turns is None:
            return self._guard.judge(self._checked(read_prompts(exchange.body)))
        is_for_all = self._every_role
        texts = [turn.content.encode("utf-8", "replace") for turn in reversed(turns) if is_for_all or turn.role == USER]
        return self._guard.judge_texts(texts[:1] if self._newest_only else texts)

    def _checked(self, prompts: list[Prompt]) -> list[Turn]:
        """The turns to judge, newest first."""
        chosen = [prompt for prompt in reversed(prompts) if self._every_role or prompt.role == USER]
        if self._newest_only:  # the newest of every field, whichever the provider reads
            chosen = list({prompt.place: prompt for prompt in reversed(chosen)}.values())
        return [Turn(prompt.role, prompt.texts) for prompt in chosen]

    def _refusal(self, code: str, message: str) -> Deny:
        if not self.config.reveal_failure_reason:
            code, message = "prompt_refused", "bad request"
        return Deny(400, code, message, bare=True)


def _plain_turns(known: JsonBody) -> list[PlainTurn] | None:
    try:
        fields = known.fields
    except ClientError:
        return None
    return plain_turns(known.body, fields, known.is_rewritten)
