"""Kong's checks of a request before it goes to a model: is there a prompt, is the model the right one.

Messages are Kong's. They hold for requests in OpenAI's formats, which one field tells apart; other formats only have
to bring their prompt.
"""

import re
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.format import Fields, Format, Opened

_ROUTE_TYPES: Final = {
    "openai-chat": "llm/v1/chat",
    "openai-responses": "llm/v1/responses",
    "openai-completions": "llm/v1/completions",
    "openai-embeddings": "llm/v1/embeddings",
}
_PROMPT_OF: Final = {"messages": "llm/v1/chat", "prompt": "llm/v1/completions", "input": "llm/v1/embeddings"}
_OBJECTS: Final = ("gemini", "gemini-embed-content")
"""Formats whose prompt may be an object."""
_INSTEAD_OF_INPUT: Final = ("prompt", "previous_response_id", "conversation")
"""With one of these, a call of Responses may do without an input."""
_AMBIGUOUS: Final = ("openai-chat", "openai-completions")
_OF_ANY_MODEL: Final = ("bedrock-invoke",)
_PROMPT: Final = re.compile(rb'"[^"]|\[\s*[^\]\s]')
_TURN: Final = re.compile(rb"\{\s*[^}\s]")


def check_prompt(wire_format: Format, fields: Fields) -> None:
    """Raises ClientError unless the request holds a prompt of this format, and of no other."""
    name = wire_format.name
    if wire_format.name in _OF_ANY_MODEL and fields:
        return  # each model has its prompt elsewhere, and speaks of no other wire
    prompt = fields.get(wire_format.prompt_field)
    if not _holds_prompt(prompt) and wire_format.prompt_field and not (name in _OBJECTS and _is_turn(prompt)):
        if name == "openai-responses" and any(each in fields for each in _INSTEAD_OF_INPUT):
            return
        raise _no_prompt(wire_format, fields)
    if "prompt" in fields and "messages" in fields and name in _AMBIGUOUS:
        raise ClientError("ambiguous_format", "request matches multiple LLM request formats")


def _no_prompt(wire_format: Format, fields: Fields) -> ClientError:
    name = wire_format.prompt_field
    other = next((each for each in _PROMPT_OF if each != name and _holds_prompt(fields.get(each))), None)
    wanted = _ROUTE_TYPES.get(wire_format.name)
    if other is not None and wanted is not None:
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
