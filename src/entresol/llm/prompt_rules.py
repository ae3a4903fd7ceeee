"""Kong's checks of a request before it goes to a model: is there a prompt, is the model the right one.

Messages are Kong's. They hold for requests in OpenAI's formats, which one field tells apart; other formats only have
to bring their prompt.
"""

import re
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.format import Fields, Format, Opened, Operation

_ROUTE_TYPES: Final[dict[Operation, str]] = {
    "chat": "llm/v1/chat",
    "completions": "llm/v1/completions",
    "embeddings": "llm/v1/embeddings",
}
_PROMPT_OF: Final = {"messages": "llm/v1/chat", "prompt": "llm/v1/completions", "input": "llm/v1/embeddings"}
_AMBIGUOUS: Final = ("openai-chat", "openai-completions")
_PROMPT: Final = re.compile(rb'"[^"]|\[\s*[^\]\s]')
_TURN: Final = re.compile(rb"\{\s*[^}\s]")


def check_prompt(wire_format: Format, fields: Fields) -> None:
    """Raises ClientError unless the request holds a prompt of this format, and of no other."""
    prompt = fields.get(wire_format.prompt_field)
    if not _holds_prompt(prompt) and not (wire_format.name == "gemini" and _is_turn(prompt)):
        raise _no_prompt(wire_format, fields)
    if "prompt" in fields and "messages" in fields and wire_format.name in _AMBIGUOUS:
        raise ClientError("ambiguous_format", "request matches multiple LLM request formats")


def _no_prompt(wire_format: Format, fields: Fields) -> ClientError:
    name = wire_format.prompt_field
    other = next((each for each in _PROMPT_OF if each != name and _holds_prompt(fields.get(each))), None)
    if other is not None and wire_format.name.startswith("openai-"):
        wanted = _ROUTE_TYPES[wire_format.operation]
        message = f"[{_PROMPT_OF[other]}] message format is not compatible with [{wanted}] route type"
        return ClientError("wrong_operation", message)
    return ClientError("prompt_missing", "request body doesn't contain valid prompts")


def choose_model(opened: Opened, configured: str | None, alias: str | None) -> str:
    """The model to call. Raises ClientError if the client wants another than the route has, or nobody names one."""
    asked = opened.model
    if configured is None:
        if not asked:
            raise ClientError("model_missing", "model parameter not found in request, nor in gateway configuration")
        return asked
    if asked and asked not in (configured, alias):
        raise ClientError("model_not_allowed", f"cannot use own model - must be: {alias or configured}")
    return configured


def _holds_prompt(raw: msgspec.Raw | None) -> bool:
    """True for a text or list that is not empty."""
    return raw is not None and _PROMPT.match(raw) is not None


def _is_turn(raw: msgspec.Raw | None) -> bool:
    """True for an object that is not empty: Google's JSON lets it stand for a list of one."""
    return raw is not None and _TURN.match(raw) is not None
