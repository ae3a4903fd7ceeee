"""A request as its model takes it: what it would refuse is left out and reported, or the request is refused here.

Pure: the request that comes in is never changed, and facts that are not known change nothing.
"""

from collections.abc import Iterator
from copy import copy
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.model_profiles import Modality, ModelFacts
from entresol.llm.types import Audio, ChatRequest, Document, Image, Part, ToolResult

_DEFAULTS: Final = {
    field.encode_name: field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    for field in msgspec.structs.fields(ChatRequest)
    if not field.required
}
_VIDEO: Final = "video/"


class Adapted(msgspec.Struct, frozen=True):
    """What came of it."""

    request: ChatRequest
    dropped: tuple[str, ...] = ()
    """Canonical names of fields that were left out, or made smaller (`max_tokens`)."""
    warnings: tuple[str, ...] = ()
    """What the provider may refuse, and we did not."""


def adapt(
    request: ChatRequest, facts: ModelFacts, estimate: int | None = None, is_window_enforced: bool = False
) -> Adapted:
    """Leave out what the model refuses. `estimate`: tokens of the prompt, if there is one.

    Raises ClientError `unsupported_by_model` where the request cannot be served without losing what it is about, and
    `context_window_exceeded` if that is to be enforced: an estimate is no count.
    """
    _check_modalities(request, facts)
    if facts.tools is False and request.tools:
        raise ClientError("unsupported_by_model", f"{request.model}: the model does not call tools")
    changes: dict[str, object] = {}
    for name in _refused(request, facts):
        if getattr(request, name) != _DEFAULTS[name]:
            changes[name] = copy(_DEFAULTS[name])
    limit = facts.max_output
    if limit is not None and request.max_tokens is not None and request.max_tokens > limit:
        changes["max_tokens"] = limit
    warnings = _check_window(request, facts, estimate, is_window_enforced)
    if not changes:
        return Adapted(request, (), warnings)
    return Adapted(msgspec.structs.replace(request, **changes), tuple(changes), warnings)


def _refused(request: ChatRequest, facts: ModelFacts) -> Iterator[str]:
    """Fields that have to go, if they are there."""
    yield from facts.refused or ()
    if facts.thinking == "none":
        yield "reasoning"
    if facts.refused_thinking and _thinks(request, facts):
        yield from facts.refused_thinking
    if facts.exclusive:
        given = [name for name in facts.exclusive if getattr(request, name) != _DEFAULTS[name]]
        yield from given[1:]


def _thinks(request: ChatRequest, facts: ModelFacts) -> bool:
    reasoning = request.reasoning
    if reasoning is None or (reasoning.effort is None and reasoning.is_enabled is None):
        return facts.thinks_by_default is not False
    return reasoning.is_enabled is not False and reasoning.effort != "none"


def _check_modalities(request: ChatRequest, facts: ModelFacts) -> None:
    if facts.input is not None:
        for number, message in enumerate(request.messages):
            for modality in _modalities(message.parts):
                if modality not in facts.input:
                    raise ClientError(
                        "unsupported_by_model", f"messages[{number}]: {request.model} does not take {modality} input"
                    )
    if facts.output is not None:
        missing = [each for each in request.modalities if each not in facts.output]
        if missing:
            raise ClientError("unsupported_by_model", f"modalities: {request.model} does not answer in {missing[0]}")


def _modalities(parts: "list[Part] | list[Part | ToolResult]") -> Iterator[Modality]:
    """Of files; text is taken by all."""
    for part in parts:
        if isinstance(part, Image):
            yield "image"
        elif isinstance(part, Audio):
            yield "audio"
        elif isinstance(part, Document):
            if part.text is None:
                yield "video" if (part.media_type or "").startswith(_VIDEO) else "document"
        elif isinstance(part, ToolResult):
            yield from _modalities([*part.parts])


def _check_window(request: ChatRequest, facts: ModelFacts, estimate: int | None, is_enforced: bool) -> tuple[str, ...]:
    window = facts.context_window
    if window is None or estimate is None or estimate <= window:
        return ()
    message = f"the prompt has about {estimate} tokens, and the context window of {request.model} {window}"
    if is_enforced:
        raise ClientError("context_window_exceeded", message)
    return (message,)
