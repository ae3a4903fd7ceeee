"""ai-prompt-guard: prompts must match no deny pattern and, if there are any, one allow pattern. Kong's fields.

Unlike Kong's, it reads every wire format, text in parts, and says which pattern refused (`reveal_failure_reason`).
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.json_body import json_body
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext
from entresol.core.decision import Deny
from entresol.core.errors import ClientError
from entresol.llm.plain_turns import PlainTurn, plain_turns
from entresol.llm.prompt_text import USER, Prompt, read_prompts
from entresol.policy.prompt_guard import MAX_PATTERN, PromptGuard, Turn, Verdict, pattern_problem

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
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "huggingface"],
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
            message = "at least one of these fields must be non-empty: 'allow_patterns', 'deny_patterns'"
            found.append(("@entity", message))
        if self.match_all_roles and self.allow_all_conversation_history:
            found.append(("allow_all_conversation_history", "must be false when 'match_all_roles' is true"))
        return found


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
        turns = _plain_turns(exchange)
        if turns is None:
            return self._guard.judge(self._checked(read_prompts(exchange.body)))
        is_for_all = self._every_role
        texts = [turn.content for turn in reversed(turns) if is_for_all or turn.role == USER]
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


def _plain_turns(exchange: Exchange) -> list[PlainTurn] | None:
    try:
        known = json_body(exchange)
    except ClientError:
        return None
    return plain_turns(known.body, known.fields, known.is_rewritten)
