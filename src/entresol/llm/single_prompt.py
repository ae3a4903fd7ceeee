"""Conversations for completions, which take one prompt and answer with words, and answers for their clients."""

from entresol.llm.format import Losses
from entresol.llm.media_types import text_of
from entresol.llm.types import Document, Message, Native, Part, Reasoning, Refusal, Text


def prompt_of(messages: list[Message], losses: Losses, why: str) -> str:
    """The one prompt: the user's words, after those of the system. Raises ClientError `unsupported_by_provider`, which
    says `why`, for more than one turn and for what is not text."""
    turns = [message for message in messages if message.role not in ("system", "developer")]
    if len(turns) > 1 or any(turn.role != "user" for turn in turns) or not messages:
        raise losses.refuse("messages", why)
    systems = [message for message in messages if message not in turns]
    texts = [_words_of(message, losses, why) for message in [*systems, *turns]]
    if systems and turns:
        losses.drop("messages[].position")  # the system's words are now the user's
    return "\n\n".join(text for text in texts if text)


def _words_of(message: Message, losses: Losses, why: str) -> str:
    if message.name is not None:
        losses.drop("messages[].name")
    texts: list[str] = []
    for part in message.parts:
        text = text_of(part) if isinstance(part, Document) else part.text if isinstance(part, Text) else None
        if text is None or not isinstance(part, Text | Document):
            raise losses.refuse("messages[].content[]", why)
        texts.append(text)
        if part.cache is not None:
            losses.drop("messages[].content[].cache_control")
        if part.signature is not None:
            losses.drop("messages[].content[].signature")
        if isinstance(part, Document) and part.name is not None:
            losses.drop("messages[].content[].title")
    return "\n".join(texts)


def report_reasoning(reasoning: Reasoning | None, losses: Losses) -> None:
    """A prompt is completed, not thought about."""
    if reasoning is None:
        return
    said = [name for name in ("effort", "budget_tokens", "include_thoughts") if getattr(reasoning, name) is not None]
    for name in said:
        losses.drop(f"reasoning.{name}")
    if not said and reasoning.is_enabled:
        losses.drop("reasoning")


def words_of_answer(parts: list[Part], dropped: list[str]) -> str:
    """The text of an answer; what else it holds is dropped by name."""
    texts: list[str] = []
    lost: list[str] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            texts.append(part.text)
            lost += ["signature"] if isinstance(part, Text) and part.signature is not None else []
        else:
            lost.append(part.type if isinstance(part, Native) else type(part).__name__.lower())
        if not isinstance(part, Native):
            lost += part.extra
    dropped += dict.fromkeys(lost)
    return "".join(texts)
