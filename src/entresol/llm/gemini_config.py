"""Gemini's `generationConfig`: sampling, limits, thinking and the shape of the answer, in both directions.

Source: Gemini API reference (v1beta), "GenerationConfig", "ThinkingConfig"; budgets for efforts are those of Gemini's
own OpenAI-compatible endpoint.
"""

import re
from typing import Final

from entresol.llm.conversation import report_format
from entresol.llm.format import Losses
from entresol.llm.gemini_parts import named
from entresol.llm.gemini_schema import json_schema
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, Reasoning, ResponseFormat

_NUMBERS: Final = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("frequency_penalty", "frequencyPenalty"),
    ("presence_penalty", "presencePenalty"),
)
_INTEGERS: Final = (
    ("top_k", "topK"),
    ("n", "candidateCount"),
    ("max_tokens", "maxOutputTokens"),
    ("seed", "seed"),
    ("top_logprobs", "logprobs"),
)
MEDIA_TYPE: Final = "generationConfig.responseMimeType"
_MAX_STOPS: Final = 5
_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEVELS: Final = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
_HAS_LEVELS: Final = re.compile(r"gemini-(?:[3-9]|\d\d)")


def read_config(reader: ObjectReader | None, request: ChatRequest) -> None:
    """Read a `generationConfig` into the request; what has no canonical name goes into its `extra`."""
    if reader is None:
        return
    for name, wire_name in _NUMBERS:
        setattr(request, name, reader.number(named(reader, wire_name)))
    for name, wire_name in _INTEGERS:
        setattr(request, name, reader.integer(named(reader, wire_name)))
    request.stop = reader.strings(named(reader, "stopSequences")) or []
    request.logprobs = reader.boolean(named(reader, "responseLogprobs"))
    request.modalities = [name.lower() for name in reader.strings(named(reader, "responseModalities")) or []]
    request.response_format = _read_format(reader, request)
    thinking = reader.reader(named(reader, "thinkingConfig"))
    if thinking is not None:
        request.reasoning = _read_thinking(thinking)
    request.extra.update(
        (f"generationConfig.{name}", value) for name, value in reader.rest().items() if value is not None
    )


def _read_format(reader: ObjectReader, request: ChatRequest) -> ResponseFormat | None:
    media_type = reader.string(named(reader, "responseMimeType"))
    if media_type != "application/json":
        if media_type not in (None, "text/plain"):
            request.extra[MEDIA_TYPE] = media_type  # such as enums: Gemini's own
        return None
    schema = reader.mapping(named(reader, "responseJsonSchema"))
    if schema is None:
        dialect = reader.mapping(named(reader, "responseSchema"))
        schema = None if dialect is None else json_schema(dialect)
    return ResponseFormat(type="json_object") if schema is None else ResponseFormat(type="json_schema", schema=schema)


def _read_thinking(reader: ObjectReader) -> Reasoning:
    reasoning = Reasoning(include_thoughts=reader.boolean(named(reader, "includeThoughts")))
    budget = reader.integer(named(reader, "thinkingBudget"))
    level = reader.string(named(reader, "thinkingLevel"))
    if budget == -1:
        reasoning.is_enabled = True  # as much as the model sees fit
    elif budget is not None:
        reasoning.budget_tokens = budget
        reasoning.is_enabled = budget > 0
    if level is not None and level != "THINKING_LEVEL_UNSPECIFIED":
        reasoning.effort = level.lower()
    reasoning.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return reasoning


def write_config(request: ChatRequest, losses: Losses) -> JsonObject:
    """The `generationConfig` for a request."""
    wire: JsonObject = {}
    for name, wire_name in _NUMBERS + _INTEGERS:
        value = getattr(request, name)
        if value is not None and losses.takes(name):
            wire[wire_name] = value
    if request.logprobs is not None and losses.takes("logprobs"):
        wire["responseLogprobs"] = request.logprobs
    if request.stop and losses.takes("stop"):
        if len(request.stop) > _MAX_STOPS and not losses.is_own:
            raise losses.refuse("stop", f"it takes {_MAX_STOPS} stop sequences at most")
        wire["stopSequences"] = request.stop
    if request.modalities and (losses.is_own or request.modalities != ["text"]) and losses.takes("modalities"):
        wire["responseModalities"] = [name.upper() for name in request.modalities]
    _write_format(request.response_format, wire, losses)
    _write_thinking(request, wire, losses)
    return wire


def _write_format(wanted: ResponseFormat | None, wire: JsonObject, losses: Losses) -> None:
    if wanted is None or wanted.type == "text" or not losses.takes("response_format"):
        return
    wire["responseMimeType"] = "application/json"
    if wanted.type == "json_schema" and wanted.schema is not None:
        wire["responseJsonSchema"] = wanted.schema
    report_format(wanted, losses)


def _write_thinking(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    reasoning = request.reasoning
    if reasoning is None or not losses.takes("reasoning"):
        return
    config: JsonObject = {}
    shows = reasoning.include_thoughts
    if shows is None and reasoning.is_enabled and not losses.is_own:
        shows = True  # Anthropic's clients see the thinking that they ask for
    if shows is not None:
        config["includeThoughts"] = shows
    if losses.is_own:
        _write_own_amount(reasoning, config)
    else:
        _write_amount(reasoning, request.model, config, losses)
    config |= losses.own(reasoning.extra)
    if config:
        wire["thinkingConfig"] = config


def _write_own_amount(reasoning: Reasoning, config: JsonObject) -> None:
    if reasoning.budget_tokens is not None:
        config["thinkingBudget"] = reasoning.budget_tokens
    elif reasoning.is_enabled:
        config["thinkingBudget"] = -1
    if reasoning.effort is not None:
        config["thinkingLevel"] = reasoning.effort.upper()


def _write_amount(reasoning: Reasoning, model: str, config: JsonObject, losses: Losses) -> None:
    """How much to think, in the words of the model: levels or tokens. It takes one of the two."""
    has_levels = _HAS_LEVELS.search(model) is not None
    effort, budget = reasoning.effort, reasoning.budget_tokens
    if reasoning.is_enabled is False or effort == "none":
        if has_levels:
            config["thinkingLevel"] = _LEVELS["none"]  # these models cannot be kept from thinking at all
        else:
            config["thinkingBudget"] = 0
        lost = "effort" if effort not in (None, "none") else None
    elif effort is not None and has_levels:
        config["thinkingLevel"] = _LEVELS.get(effort, "MEDIUM")
        lost = None if budget is None else "budget_tokens"
    elif budget is not None:
        config["thinkingBudget"] = budget
        lost = None if effort is None else "effort"
    else:
        lost = None
        if effort is not None:
            config["thinkingBudget"] = _BUDGETS.get(effort, 8192)
        elif reasoning.is_enabled and not has_levels:
            config["thinkingBudget"] = -1
    if lost is not None:
        losses.drop(f"reasoning.{lost}")
