"""Reasoning items of OpenAI's Responses: their words, and in `encrypted_content` what must go back to its maker.

OpenAI's own stands there bare. Another maker's signature stands there with its maker's name, and reasoning that
another maker gave out encrypted with `redacted:` before that, so that both find their way home (`signatures`).

Source: OpenAI docs, "Reasoning models", encrypted reasoning items.
"""

from typing import Final

from entresol.llm.format import Losses
from entresol.llm.openai_responses_content import item_rest
from entresol.llm.reading import ObjectReader
from entresol.llm.signatures import OPENAI, REDACTED, for_client, for_provider, signed_by
from entresol.llm.types import JsonObject, Thinking

_PATH: Final = "messages[].content[]"
_BETWEEN: Final = "\n\n"
"""Between the parts of a summary."""


def read_reasoning(reader: ObjectReader) -> Thinking | None:
    """A reasoning item without its `type`: the summary's words, or the reasoning itself where there is no summary.

    None for one that says nothing, for which its id stands at OpenAI alone; the reader keeps that as not read.
    """
    summary = [each.need_string("text") for each in reader.readers("summary") or [] if _is(each, "summary_text")]
    text = _BETWEEN.join(summary)
    if not text:
        content = [each.need_string("text") for each in reader.readers("content") or [] if _is(each, "reasoning_text")]
        text = "".join(content)
    signature, redacted = read_seal(reader.string("encrypted_content"), bool(text))
    if not text and signature is None and redacted is None:
        return None
    return Thinking(text=text, signature=signature, redacted=redacted, extra=item_rest(reader))


def _is(part: ObjectReader, kind: str) -> bool:
    if part.need_string("type") != kind:
        raise part.invalid("type", f"expected {kind}")
    return True


def read_seal(encrypted: str | None, has_text: bool) -> tuple[str | None, str | None]:
    """`encrypted_content` as signature and as redacted reasoning, of which at most one is there."""
    if not encrypted:
        return None, None
    if encrypted.startswith(REDACTED):
        return None, encrypted[len(REDACTED) :]
    signature = signed_by(encrypted, OPENAI)
    if has_text or for_provider(signature, OPENAI) is None:
        return signature, None
    return None, signature


def seal(signature: str | None, redacted: str | None) -> str | None:
    """`encrypted_content` for a client."""
    if redacted is None:
        return for_client(signature, OPENAI)
    own = for_provider(redacted, OPENAI)
    return f"{REDACTED}{redacted}" if own is None else own


def write_reasoning(part: Thinking, losses: Losses) -> list[JsonObject]:
    """The item for OpenAI, which takes no reasoning but its own."""
    encrypted = for_provider(part.signature or part.redacted, OPENAI)
    if encrypted is None and not losses.is_own:
        if part.text:
            losses.drop(f"{_PATH}.thinking")
        if part.signature is not None or part.redacted is not None:
            losses.drop(f"{_PATH}.signature")
        return []
    wire = reasoning_item(part.text, encrypted if encrypted is not None else seal(part.signature, part.redacted))
    return [wire | losses.own(part.extra)]


def reasoning_item(text: str, encrypted: str | None) -> JsonObject:
    """The item, without an id."""
    wire: JsonObject = {"type": "reasoning", "summary": summary_of(text)}
    if encrypted is not None:
        wire["encrypted_content"] = encrypted
    return wire


def summary_of(text: str) -> list[JsonObject]:
    """`summary` with one part, or none."""
    return [{"type": "summary_text", "text": text}] if text else []
