"""Wire format `ollama-embed`: `POST /api/embed`, texts to vectors. It never streams.

Source: Ollama API reference, "Generate Embeddings"; `EmbedRequest` and `EmbedResponse` of `api/types.go`.
"""

import re
from typing import Final, Literal

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse, first_strange, left_over, text_input, texts_of
from entresol.llm.format import (
    Encoded,
    Fields,
    Losses,
    Opened,
    Profile,
    TranslatableFormat,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.fragment import string_after
from entresol.llm.ollama_settings import write_extra
from entresol.llm.ollama_wire import OllamaErrors, check_spelling, stream_failure
from entresol.llm.opened import opened_fields
from entresol.llm.reading import ObjectReader
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

_CLAIMED: Final = frozenset(("model", "dimensions", "encodings", "truncate"))
_COUNT: Final = re.compile(rb'"prompt_eval_count"\s*:\s*(\d{1,12})')
_CUT: Final[dict[bool | None, Literal["none", "end"] | None]] = {None: None, True: "end", False: "none"}
"""Ollama cuts the end of a text that is too long, or refuses it."""


class _Answer(msgspec.Struct):
    embeddings: list[list[float]] | None = None
    model: str | None = None
    prompt_eval_count: int | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    error: object = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)


class OllamaEmbed(OllamaErrors, TranslatableFormat[EmbeddingRequest, EmbeddingResponse]):
    """Ollama's embeddings."""

    name = "ollama-embed"
    operation = "embeddings"
    prompt_field = "input"
    option_fields = {"dimensions": "dimensions"}
    option_names = ("dimensions",)
    wire_names = {"inputs": "input"}

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        check_spelling(fields)
        return opened_fields(fields)

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is not None:
            return CallFacts(error=stream_failure(answer.error), is_complete=True)
        if answer.embeddings is None:
            raise bad_response("it has no embeddings")
        return CallFacts(usage=_read_usage(answer), model=answer.model, is_complete=True)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        counts = _COUNT.findall(tail)
        usage = Usage(input=int(counts[-1])) if counts else None
        return CallFacts(usage=usage, model=string_after(head, b'"model"'), is_complete=True)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return CallFacts()  # there are no streams

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        texts = reader.need("input", reader.string_or_strings("input"))
        request = EmbeddingRequest(origin=self.name, inputs=[text_input(text) for text in texts])
        request.model = reader.string("model") or ""
        request.dimensions = reader.integer("dimensions")
        request.truncate = _CUT[reader.boolean("truncate")]
        options = reader.reader("options")
        if options is not None:
            request.extra = {f"options.{name}": value for name, value in options.rest().items() if value is not None}
        request.extra |= {name: value for name, value in reader.rest().items() if value is not None}
        request.unread = reader.unread()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        if any(encoding not in ("float", "base64") for encoding in request.encodings):
            raise losses.refuse("encodings", "it gives vectors as float only")
        texts = texts_of(request)
        if texts is None:
            raise losses.refuse("inputs", f"it takes texts only, not {first_strange(request)}")
        wire: JsonObject = {"model": request.model, "input": texts}
        if request.dimensions is not None and losses.takes("dimensions"):
            wire["dimensions"] = request.dimensions
        if request.truncate == "start":
            losses.drop("truncate")
        elif request.truncate is not None and losses.takes("truncate"):
            wire["truncate"] = request.truncate == "end"
        write_extra(losses.own(request.extra), wire)
        dropped = losses.finish()
        return Encoded(encode_json(wire), [name for name in dropped if name != "encodings"])

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        if answer.embeddings is None:
            raise bad_response("it has no embeddings")
        response = EmbeddingResponse(origin=self.name, model=answer.model or "", vectors=answer.embeddings)
        response.usage = _read_usage(answer)
        durations = {"total_duration": answer.total_duration, "load_duration": answer.load_duration}
        response.extra = {name: value for name, value in durations.items() if value is not None}
        return response

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        is_own = response.origin == self.name
        wire: JsonObject = {"model": response.model, "embeddings": response.vectors}
        if response.usage is not None:
            wire["prompt_eval_count"] = response.usage.total_input
        wire |= response.extra if is_own else {}
        return Encoded(encode_json(wire), [*response.encoded, *left_over(response.extra, is_own)])


def _read_usage(answer: _Answer) -> Usage | None:
    tokens = answer.prompt_eval_count
    return None if tokens is None else Usage(input=count(tokens))
