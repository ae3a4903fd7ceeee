"""Converse's settings, in both directions: inference, thinking, the shape of the answer, and a model's own fields.

Source: Amazon Bedrock API reference, "InferenceConfiguration", "OutputConfig"; User Guide, "Inference request
parameters" for what models take in `additionalModelRequestFields`.
"""

import re
from typing import Final

import msgspec

from entresol.llm.anthropic_output import closed_schema
from entresol.llm.anthropic_thinking import is_off, read_thinking, write_foreign_thinking, write_own_thinking
from entresol.llm.bedrock_models import family, nova_reasons
from entresol.llm.bedrock_wire import TIERS
from entresol.llm.conversation import report_format
from entresol.llm.format import Losses, encode_json
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, JsonObject, Reasoning, ResponseFormat, Thinking, ToolCall

ADDITIONAL: Final = "additionalModelRequestFields"
STOP_SEQUENCE: Final = "/stop_sequence"
"""Where models of Anthropic's say which stop string it was (`additionalModelResponseFieldPaths`)."""
_METADATA_KEY: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_METADATA_VALUE: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_MOST_METADATA: Final = 16
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_TOP_K: Final = {"anthropic": "top_k", "mistral": "top_k", "cohere": "k"}


# Reading.


def read_settings(reader: ObjectReader, request: ChatRequest) -> None:
    """Everything but messages and tools; what has no canonical name goes into the request's `extra`."""
    inference = reader.reader("inferenceConfig")
    if inference is not None:
        request.max_tokens = inference.integer("maxTokens")
        request.temperature = inference.number("temperature")
        request.top_p = inference.number("topP")
        request.stop = inference.strings("stopSequences") or []
        keep(inference, "inferenceConfig", request)
    tier = reader.reader("serviceTier")
    if tier is not None:
        request.service_tier = tier.string("type")
        keep(tier, "serviceTier", request)
    metadata = reader.reader("requestMetadata")
    if metadata is not None:
        request.metadata = {name: metadata.need_string(name) for name in list(metadata.rest())}
    effort = _read_output(reader, request)
    _read_additional(reader, request, effort)


def keep(reader: ObjectReader, path: str, request: ChatRequest) -> None:
    """What is left of an object, by its path, in the request's `extra`."""
    request.extra.update((f"{path}.{name}", value) for name, value in reader.rest().items() if value is not None)


def _read_output(reader: ObjectReader, request: ChatRequest) -> str | None:
    """`outputConfig`; returns the effort."""
    output = reader.reader("outputConfig")
    if output is None:
        return None
    effort = output.string("effort")
    wanted = output.reader("textFormat")
    if wanted is not None:
        kind = wanted.need_string("type")
        if kind != "json_schema":
            raise wanted.invalid("type", f"unknown format {kind!r}")
        structure = wanted.need("structure", wanted.reader("structure"))
        inner = structure.need("jsonSchema", structure.reader("jsonSchema"))
        schema = _schema(inner)
        request.response_format = ResponseFormat(
            type="json_schema", schema=schema, name=inner.string("name"), description=inner.string("description")
        )
    keep(output, "outputConfig", request)
    return effort


def _schema(inner: ObjectReader) -> JsonObject:
    """The schema, which stands in a string."""
    try:
        schema = msgspec.json.decode(inner.need_string("schema"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise inner.invalid("schema", f"is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise inner.invalid("schema", "expected the JSON of an object")
    return schema


def _read_additional(reader: ObjectReader, request: ChatRequest, effort: str | None) -> None:
    """What models of Anthropic's take beside Converse's own fields has canonical names; the rest is theirs alone."""
    raw = reader.peek(ADDITIONAL)
    fields = reader.reader(ADDITIONAL) if isinstance(raw, dict) else None
    thinking = None
    if fields is not None:
        if isinstance(fields.peek("top_k"), int):
            request.top_k = fields.integer("top_k")
        if isinstance(fields.peek("thinking"), dict):
            thinking = fields.reader("thinking")
        output = fields.peek("output_config")
        if effort is None and isinstance(output, dict) and set(output) == {"effort"}:
            inner = fields.reader("output_config")
            effort = None if inner is None else inner.string("effort")
        keep(fields, ADDITIONAL, request)
    if thinking is not None or effort is not None:
        request.reasoning = read_thinking(thinking, effort)


# Writing.


def write_settings(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """Everything but messages and tools."""
    kind = family(request.model)
    additional: JsonObject = {}
    _write_thinking(request, wire, additional, losses)
    inference = _write_inference(request, kind, additional, losses)
    if inference:
        wire["inferenceConfig"] = inference
    if request.top_k is not None and losses.takes("top_k"):
        _write_top_k(request, kind, additional, losses)
    _write_format(request.response_format, wire, losses)
    if request.service_tier is not None and losses.takes("service_tier"):
        if request.service_tier in TIERS or losses.is_own:
            wire["serviceTier"] = {"type": request.service_tier}
        elif request.service_tier != "auto":
            losses.drop("service_tier")
    if request.metadata and losses.takes("metadata"):
        _write_metadata(request.metadata, wire, losses)
    if request.stop and kind == "anthropic" and not losses.is_own and losses.takes("stop"):
        wire["additionalModelResponseFieldPaths"] = [STOP_SEQUENCE]
    if additional:
        wire[ADDITIONAL] = additional


def _write_thinking(request: ChatRequest, wire: JsonObject, additional: JsonObject, losses: Losses) -> None:
    reasoning = request.reasoning
    if reasoning is None or not losses.takes("reasoning"):
        return
    if losses.is_own:
        own = write_own_thinking(reasoning)
        if own is not None:
            additional["thinking"] = own
        if reasoning.effort is not None:
            wire["outputConfig"] = {"effort": reasoning.effort}
        return
    kind = family(request.model)
    if kind == "anthropic":
        _write_anthropic_thinking(request, reasoning, additional, losses)
    elif kind == "nova" and nova_reasons(request.model):
        additional["reasoningConfig"] = _nova_reasoning(reasoning, losses)
    elif kind == "gpt-oss" and reasoning.effort is not None and not is_off(reasoning):
        additional["reasoning_effort"] = _EFFORTS.get(reasoning.effort, "medium")
    elif not is_off(reasoning):
        losses.drop(_lost_reasoning(reasoning))


def _lost_reasoning(reasoning: Reasoning) -> str:
    """The path of what the client said of it."""
    is_effort = reasoning.effort is not None and reasoning.is_enabled is None and reasoning.budget_tokens is None
    return "reasoning.effort" if is_effort else "reasoning"


def _write_anthropic_thinking(
    request: ChatRequest, reasoning: Reasoning, additional: JsonObject, losses: Losses
) -> None:
    written = write_foreign_thinking(reasoning, request.model, request.max_tokens)
    if written is None or (not is_off(reasoning) and _forbids_thinking(request)):
        losses.drop(_lost_reasoning(reasoning))
        return
    thinking, effort = written
    if reasoning.effort not in (None, "none") and effort is None and (is_off(reasoning) or reasoning.budget_tokens):
        losses.drop("reasoning.effort")
    elif effort is not None and reasoning.effort is not None and reasoning.budget_tokens is not None:
        losses.drop("reasoning.budget_tokens")
    additional["thinking"] = thinking
    if effort is not None:
        additional["output_config"] = {"effort": effort}


def _forbids_thinking(request: ChatRequest) -> bool:
    """Claude does not think when a tool is forced, nor in a tool loop whose thinking the client cannot give back."""
    choice = request.tool_choice
    if choice is not None and choice.mode == "required":
        return True
    for message in reversed(request.messages):
        if message.role == "user":
            return False
        if message.role == "assistant" and any(type(part) is ToolCall for part in message.parts):
            thoughts = [part for part in message.parts if type(part) is Thinking]
            return not any(thought.signature or thought.redacted for thought in thoughts)
    return False


def _nova_reasoning(reasoning: Reasoning, losses: Losses) -> JsonObject:
    if is_off(reasoning):
        return {"type": "disabled"}
    if reasoning.effort is None and reasoning.budget_tokens is not None:
        losses.drop("reasoning.budget_tokens")
    return {"type": "enabled", "maxReasoningEffort": _EFFORTS.get(reasoning.effort or "medium", "medium")}


def _write_inference(request: ChatRequest, kind: str, additional: JsonObject, losses: Losses) -> JsonObject:
    inference: JsonObject = {}
    temperature, top_p = request.temperature, request.top_p
    if not losses.is_own:
        thinking = additional.get("thinking")
        if isinstance(thinking, dict) and thinking["type"] != "disabled":
            temperature, top_p = _dropping(("temperature", temperature), ("top_p", top_p), losses)
        elif kind == "anthropic" and temperature is not None and top_p is not None:
            losses.drop("top_p")  # current models take one of the two
            top_p = None
        if temperature is not None and temperature > 1:
            temperature = 1.0
            losses.drop("temperature")
    stop = request.stop if losses.is_own else [text for text in request.stop if text.strip()]
    if len(stop) != len(request.stop):
        losses.drop("stop")
    values = (("max_tokens", "maxTokens", request.max_tokens), ("temperature", "temperature", temperature))
    for name, wire_name, value in (*values, ("top_p", "topP", top_p), ("stop", "stopSequences", stop or None)):
        if value is not None and losses.takes(name):
            inference[wire_name] = value
    return inference


def _dropping(
    first: tuple[str, float | None], second: tuple[str, float | None], losses: Losses
) -> tuple[float | None, float | None]:
    for name, value in (first, second):
        if value is not None:
            losses.drop(name)
    return None, None


def _write_top_k(request: ChatRequest, kind: str, additional: JsonObject, losses: Losses) -> None:
    if losses.is_own:
        additional["top_k"] = request.top_k
    elif kind in _TOP_K and "thinking" not in additional:
        additional[_TOP_K[kind]] = request.top_k
    elif kind == "nova":
        additional["inferenceConfig"] = {"topK": request.top_k}
    else:
        losses.drop("top_k")


def _write_format(wanted: ResponseFormat | None, wire: JsonObject, losses: Losses) -> None:
    if wanted is None or wanted.type == "text" or not losses.takes("response_format"):
        return
    if wanted.type == "json_object":
        losses.drop("response_format")  # no counterpart; the prompt has to ask for JSON, as OpenAI demands anyway
        return
    report_format(ResponseFormat(type=wanted.type, strict=wanted.strict), losses)
    schema = wanted.schema or {"type": "object"}
    inner: JsonObject = {"schema": encode_json(schema if losses.is_own else closed_schema(schema)).decode()}
    for name, value in (("name", wanted.name), ("description", wanted.description)):
        if value is not None:
            inner[name] = value
    output = wire.setdefault("outputConfig", {})
    if isinstance(output, dict):
        output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": inner}}


def _write_metadata(metadata: dict[str, str], wire: JsonObject, losses: Losses) -> None:
    """Tags of a call, as far as Bedrock takes them."""
    good = {
        name: value
        for name, value in metadata.items()
        if _METADATA_KEY.fullmatch(name) is not None and _METADATA_VALUE.fullmatch(value) is not None
    }
    if len(good) > _MOST_METADATA:
        good = dict(list(good.items())[:_MOST_METADATA])
    if len(good) != len(metadata):
        losses.drop("metadata")
    if good:
        wire["requestMetadata"] = good
