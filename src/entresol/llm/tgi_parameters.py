"""The `parameters` of Text Generation Inference, in both directions.

Source: TGI's OpenAPI document 3.3, "GenerateParameters", "GrammarType", and what `router/src/validation.rs` refuses.
"""

from typing import Final

from entresol.llm.conversation import report_format
from entresol.llm.format import Losses
from entresol.llm.reading import ObjectReader
from entresol.llm.single_prompt import report_reasoning
from entresol.llm.types import ChatRequest, JsonObject, ResponseFormat

_NUMBERS: Final = ("temperature", "top_p", "frequency_penalty")
_INTEGERS: Final = (("max_tokens", "max_new_tokens"), ("top_k", "top_k"), ("seed", "seed"))
_OFF: Final = ("return_full_text", "watermark", "details", "decoder_input_details")
"""Switches that say nothing while they are off. `details` are always given."""
BINDING: Final = ("parameters.return_full_text", "parameters.adapter_id", "parameters.grammar")
PARAMETERS: Final = frozenset(
    (*_NUMBERS, *(name for name, _ in _INTEGERS), "stop", "response_format", "logprobs", "top_logprobs", "reasoning")
)
"""The canonical fields that `write_parameters` writes."""
PARAMETER_NAMES: Final = {
    **{name: f"parameters.{name}" for name in (*_NUMBERS, "stop")},
    **{name: f"parameters.{wire_name}" for name, wire_name in _INTEGERS},
    "response_format": "parameters.grammar",
    "response_format.json_schema.name": "parameters.grammar.value.name",
}
"""Canonical path to TGI's own."""


def read_parameters(reader: ObjectReader | None, request: ChatRequest) -> None:
    """Read `parameters` into the request; what has no canonical name goes into its `extra`."""
    if reader is None:
        return
    for name in _NUMBERS:
        setattr(request, name, reader.number(name))
    for name, wire_name in _INTEGERS:
        setattr(request, name, reader.integer(wire_name))
    request.stop = reader.strings("stop") or []
    samples = reader.boolean("do_sample")
    if samples is not None and request.temperature is None:
        request.temperature = 1.0 if samples else 0.0
    request.response_format = _read_grammar(reader)
    for name in _OFF:
        if reader.boolean(name) and name != "details":
            request.extra[f"parameters.{name}"] = True
    for name, value in reader.rest().items():
        if value is not None and (name, value) != ("best_of", 1):
            request.extra[f"parameters.{name}"] = value


def _read_grammar(reader: ObjectReader) -> ResponseFormat | None:
    grammar = reader.peek("grammar")
    kind = grammar.get("type") if isinstance(grammar, dict) else None
    if kind not in ("json", "json_schema"):
        return None  # a regular expression, which only TGI keeps to
    wire = reader.need("grammar", reader.reader("grammar"))
    wire.take("type")
    if kind == "json":
        return ResponseFormat(type="json_schema", schema=wire.need("value", wire.mapping("value")))
    named = wire.need("value", wire.reader("value"))
    schema = named.need("schema", named.mapping("schema"))
    return ResponseFormat(type="json_schema", schema=schema, name=named.string("name"))


def write_parameters(request: ChatRequest, losses: Losses) -> JsonObject:
    """The `parameters` of a request. Details, which have counts and reason, are always asked for."""
    wire: JsonObject = {"details": True, "decoder_input_details": not request.stream}
    if request.max_tokens is not None and losses.takes("max_tokens"):
        wire["max_new_tokens"] = request.max_tokens
    _write_sampling(request, wire, losses)
    if request.frequency_penalty is not None and losses.takes("frequency_penalty"):
        wire["frequency_penalty"] = request.frequency_penalty
    if request.seed is not None and losses.takes("seed"):
        if request.seed < 0:
            losses.drop("seed")
        else:
            wire["seed"] = request.seed
    if request.stop and losses.takes("stop"):
        wire["stop"] = request.stop
    if request.logprobs and losses.takes("logprobs"):
        wire["top_n_tokens"] = max(request.top_logprobs or 1, 1)
    elif request.top_logprobs is not None:
        losses.drop("top_logprobs")
    _write_grammar(request.response_format, wire, losses)
    report_reasoning(request.reasoning, losses)
    return wire


def _write_sampling(request: ChatRequest, wire: JsonObject, losses: Losses) -> None:
    """TGI is greedy unless it is told to sample, and refuses a temperature of 0 and a `top_p` that cuts nothing."""
    if request.temperature == 0 and losses.takes("temperature"):
        wire["do_sample"] = False
        return
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(request, name)
        if value is not None and losses.takes(name) and not (name == "top_p" and value >= 1):
            wire[name] = value
            wire["do_sample"] = True


def _write_grammar(wanted: ResponseFormat | None, wire: JsonObject, losses: Losses) -> None:
    if wanted is None or wanted.type == "text" or not losses.takes("response_format"):
        return
    if wanted.schema is None:
        losses.drop("response_format")  # a grammar needs a schema; the prompt has to ask for JSON
        return
    wire["grammar"] = {"type": "json", "value": wanted.schema}
    report_format(wanted, losses)
