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
_PROMPT: Final = re.compile(rb'"[^"]|\[\s*[^\]\s]')


def check_prompt(wire_format: Format, fields: Fields) -> None:
    """Raises ClientError unless the request holds a prompt of this format, and of no other."""
    name = wire_format.prompt_field
    is_openai = name in _PROMPT_OF and wire_format.name.startswith("openai-")
    if not _holds_prompt(fields.get(name)):
        other = next((each for each in _PROMPT_OF if each != name and _holds_prompt(fields.get(each))), None)
        if is_openai and other is not None:
            wanted = _ROUTE_TYPES[wire_format.operation]
            message = f"[{_PROMPT_OF[other]}] message format is not compatible with [{wanted}] route type"
            raise ClientError("wrong_operation", message)
        raise ClientError("prompt_missing", "request body doesn't contain valid prompts")
    if is_openai and name in ("messages", "prompt") and "messages" in fields and "prompt" in fields:
        raise ClientError("ambiguous_format", "request matches multiple LLM request formats")


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
    if raw is None:
        return False
    return _PROMPT.match(raw) is not None
