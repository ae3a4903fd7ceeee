"""The settings of a Responses request: sampling, reasoning, the answer's shape, and what the provider should keep.

Source: OpenAI API reference, "Create a model response".
"""

from typing import Final

from entresol.llm.format import Losses
from entresol.llm.openai_responses_tools import read_format, write_format
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, Reasoning

_LOGPROBS: Final = "message.output_text.logprobs"
_ENCRYPTED: Final = "reasoning.encrypted_content"
_BINDING: Final = ("previous_response_id", "conversation", "prompt", "background", "moderation", "tool_choice")
"""What decides what the answer is, and no other format has: a state at the provider, or its own tools."""
_MET: Final[JsonObject] = {"store": False, "background": False, "truncation": "disabled"}
"""What every provider does, whatever its format."""
_PLAIN: Final = ("temperature", "top_p", "parallel_tool_calls", "top_logprobs", "service_tier", "user")


def read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    """Everything but the conversation and the tools."""
    request.max_tokens = reader.integer("max_output_tokens")
    request.temperature = reader.number("temperature")
    request.top_p = reader.number("top_p")
    request.top_logprobs = reader.integer("top_logprobs")
    request.parallel_tool_calls = reader.boolean("parallel_tool_calls")
    request.service_tier = reader.string("service_tier")
    request.user = reader.string("user")
    if request.user is None:
        request.user = reader.string("safety_identifier")  # the same thing under its new name
    metadata = reader.reader("metadata")
    if metadata is not None:
        request.metadata = {name: metadata.need_string(name) for name in list(metadata.rest())}
    _read_include(reader, request)
    _read_reasoning(reader.reader("reasoning"), request)
    _read_text(reader.reader("text"), request)
    options = reader.reader("stream_options")
    if options is not None and options.boolean("include_obfuscation"):
        request.extra["stream_options.include_obfuscation"] = True
    request.include_usage = True
    for name, value in reader.rest().items():
        if value is not None and not (name in _MET and _MET[name] == value):
            request.extra[name] = value
    request.binding = [name for name in _BINDING if name in request.extra]


def _read_include(reader: ObjectReader, request: ChatRequest) -> None:
    include = reader.strings("include") or []
    if _LOGPROBS in include or request.top_logprobs:
        request.logprobs = True
    others = [name for name in include if name not in (_LOGPROBS, _ENCRYPTED)]
    if others:
        request.extra["include"] = others


def _read_reasoning(reader: ObjectReader | None, request: ChatRequest) -> None:
    if reader is None:
        return
    reasoning = Reasoning(effort=reader.string("effort"))
    summary, of_old = reader.string("summary"), reader.string("generate_summary")
    summary = summary or of_old
    extra = {name: value for name, value in reader.rest().items() if value is not None}
    if summary is not None:
        reasoning.include_thoughts = True
        if summary != "auto":
            extra["summary"] = summary
    reasoning.extra = extra
    if reasoning != Reasoning():
        request.reasoning = reasoning


def _read_text(reader: ObjectReader | None, request: ChatRequest) -> None:
    if reader is None:
        return
    wanted = reader.reader("format")
    request.response_format = None if wanted is None else read_format(wanted)
    request.extra |= {f"text.{name}": value for name, value in reader.rest().items() if value is not None}


def write_settings(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """The same fields, and what of the client's others belongs here. Raises ClientError `unsupported_by_provider`."""
    _refuse_impossible(request, losses)
    if request.max_tokens is not None and losses.takes("max_tokens"):
        wire["max_output_tokens"] = request.max_tokens
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None and losses.takes(name):
            wire[name] = value
    if request.metadata and losses.takes("metadata"):
        wire["metadata"] = request.metadata
    if request.logprobs and losses.takes("logprobs"):
        wire["include"] = [_LOGPROBS]
    if request.response_format is not None and losses.takes("response_format"):
        wire["text"] = {"format": write_format(request.response_format)}
    _write_reasoning(request.reasoning, wire, losses)
    for name, value in losses.own(request.extra).items():
        outer, _, inner = name.partition(".")
        nested = wire.setdefault(outer, {}) if inner else None
        if isinstance(nested, dict):
            nested[inner] = value
        elif name == "include" and isinstance(value, list):
            known = wire.get(name)
            wire[name] = [*(known if isinstance(known, list) else []), *value]
        else:
            wire[name] = value


def _refuse_impossible(request: ChatRequest, losses: Losses) -> None:
    """What would change the answer beyond recognition if it were left out."""
    if request.n is not None and request.n != 1:
        raise losses.refuse("n", "it gives one answer a call")
    if any(modality != "text" for modality in request.modalities):
        raise losses.refuse("modalities", "it answers with text only")
    if request.stop:
        raise losses.refuse("stop", "it knows no stop sequences")


def _write_reasoning(reasoning: Reasoning | None, wire: JsonObject, losses: Losses) -> None:
    if reasoning is None or not losses.takes("reasoning"):
        return
    effort = reasoning.effort
    if reasoning.is_enabled is False:
        if effort not in (None, "none"):
            losses.drop("reasoning.effort")
        effort = "none"
    elif effort is None and reasoning.budget_tokens is not None:
        effort = _effort_of_budget(reasoning.budget_tokens)
    elif effort is not None and reasoning.budget_tokens is not None:
        losses.drop("reasoning.budget_tokens")
    written: JsonObject = {} if effort is None else {"effort": effort}
    if reasoning.include_thoughts:
        written["summary"] = "auto"
    written |= losses.own(reasoning.extra)
    if written:
        wire["reasoning"] = written
    elif reasoning.is_enabled:
        losses.drop("reasoning")  # there is no word for "as much as the model sees fit"


def _effort_of_budget(tokens: int) -> str:
    """The effort that a thinking budget comes closest to. Bounds are those of Gemini's compatible endpoint."""
    if tokens == 0:
        return "none"
    return "low" if 0 < tokens <= 1024 else "medium" if 0 < tokens <= 8192 else "high"
