"""Wire format `bedrock-embeddings`: Amazon's and Cohere's embedding models behind Bedrock's InvokeModel.

Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings models", "Cohere Embed models". The body is the model's own;
the model stands in the path. It never streams.
"""

from typing import Final, Literal

import msgspec

from entresol.core.http import HeaderPairs
from entresol.llm.bedrock_errors import error_body, kind_fields, read_error
from entresol.llm.bedrock_wire import model_and_action
from entresol.llm.call_facts import CallFacts
from entresol.llm.embeddings import (
    EmbeddingRequest,
    EmbeddingResponse,
    Purpose,
    first_strange,
    left_over,
    text_input,
    texts_of,
)
from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    Encoded,
    Fields,
    Losses,
    Opened,
    Options,
    Profile,
    TranslatableFormat,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.fragment import object_after
from entresol.llm.reading import ObjectReader
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage

_CLAIMED: Final = frozenset(("model", "dimensions", "encodings", "purpose", "truncate"))
_PURPOSES: Final[dict[str, Purpose]] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
}
_INPUT_TYPES: Final = {purpose: name for name, purpose in _PURPOSES.items()}
_CUTS_OF: Final[dict[str, Literal["none", "start", "end"]]] = {"NONE": "none", "START": "start", "END": "end"}
_CUTS: Final = {cut: name for name, cut in _CUTS_OF.items()}


class _Answer(msgspec.Struct, rename="camel"):
    embedding: list[float] | None = None
    embeddings: list[list[float]] | dict[str, list[list[float]]] | None = None
    input_text_token_count: int | None = None


_decode_answer: Final = msgspec.json.Decoder(_Answer).decode


class BedrockEmbeddings(TranslatableFormat[EmbeddingRequest, EmbeddingResponse]):
    """Titan's and Cohere's embeddings on Bedrock: which of the two, the model's name says."""

    name = "bedrock-embeddings"
    operation = "embeddings"
    prompt_field = ""
    option_names = ("dimensions",)
    wire_names = {"inputs": "inputText", "purpose": "input_type"}

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if options.dimensions is not None:
            opened.put("output_dimension" if _is_cohere(model) else "dimensions", options.dimensions)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        return Opened(fields, _model_in(path), False)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=[], model=_model_in(path) or "")
        texts = reader.strings("texts")
        request.inputs = [text_input(each) for each in texts or [reader.need_string("inputText")]]
        first, second = reader.integer("dimensions"), reader.integer("output_dimension")
        request.dimensions = second if first is None else first
        kind, cut = reader.string("input_type"), reader.string("truncate")
        request.purpose = None if kind is None else _PURPOSES.get(kind)
        request.truncate = None if cut is None else _CUTS_OF.get(cut)
        request.extra = reader.rest()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        if any(encoding not in ("float", "base64") for encoding in request.encodings):
            raise losses.refuse("encodings", "it gives vectors as float only")
        texts = texts_of(request)
        if texts is None:
            raise losses.refuse("inputs", f"it takes texts only, not {first_strange(request)}s")
        write = _write_cohere if _is_cohere(request.model) else _write_titan
        wire = write(request, texts, losses) | losses.own(request.extra)
        return Encoded(encode_json(wire), [name for name in losses.finish() if name != "encodings"])

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        found = answer.embeddings
        vectors = found.get("float") if isinstance(found, dict) else found
        if answer.embedding is not None:
            vectors = [answer.embedding]
        if vectors is None:
            raise bad_response("it has no embeddings")
        return EmbeddingResponse(origin=self.name, vectors=vectors, usage=_read_usage(answer))

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        wire: JsonObject = {"embeddings": response.vectors, "response_type": "embeddings_floats"}
        if len(response.vectors) == 1:
            wire = {"embedding": response.vectors[0]}
        if response.usage is not None:
            wire["inputTextTokenCount"] = response.usage.total_input
        dropped = [*response.encoded, *left_over(response.extra, response.origin == self.name)]
        return Encoded(encode_json(wire), dropped)

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.embedding is None and answer.embeddings is None:
            raise bad_response("it has no embeddings")
        return CallFacts(usage=_read_usage(answer), is_complete=True)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        return CallFacts(is_complete=object_after(tail, b'"error"') is None)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return CallFacts()

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        return read_error(status, body)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        return error_body(error, request_id)

    def error_fields(self, status: int) -> HeaderPairs:
        return kind_fields(status)


def _is_cohere(model: str) -> bool:
    return "cohere." in model


def _model_in(path: str) -> str | None:
    return model_and_action(path)[0]


def _write_titan(request: EmbeddingRequest, texts: list[str], losses: Losses) -> JsonObject:
    if len(texts) != 1:
        raise losses.refuse("inputs", "a Titan model takes one text a call")
    wire: JsonObject = {"inputText": texts[0]}
    if request.dimensions is not None and losses.takes("dimensions"):
        wire["dimensions"] = request.dimensions
    for name in ("purpose", "truncate"):
        if getattr(request, name) is not None:
            losses.drop(name)
    return wire


def _write_cohere(request: EmbeddingRequest, texts: list[str], losses: Losses) -> JsonObject:
    kind = _INPUT_TYPES.get(request.purpose) if request.purpose is not None else "search_document"
    if kind is None:
        kind = "search_document"
        losses.drop("purpose")
    wire: JsonObject = {"texts": texts, "input_type": kind}
    if request.dimensions is not None and losses.takes("dimensions"):
        wire["output_dimension"] = request.dimensions
    if request.truncate is not None:
        wire["truncate"] = _CUTS[request.truncate]
    return wire


def _read_usage(answer: _Answer) -> Usage | None:
    tokens = answer.input_text_token_count
    return None if tokens is None else Usage(input=count(tokens))
