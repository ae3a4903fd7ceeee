"""Wire format `openai-embeddings`: `POST /v1/embeddings`, texts to vectors. It never streams.

Source: OpenAI API reference, "Create embeddings".
"""

from typing import Final

import msgspec

from entresol.llm.embeddings import (
    EmbeddingInput,
    EmbeddingRequest,
    EmbeddingResponse,
    base64_of,
    first_strange,
    left_over,
    text_input,
    vector_of,
)
from entresol.llm.format import (
    Encoded,
    Losses,
    Profile,
    TranslatableFormat,
    bad_field,
    bad_request,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.openai_structs import UsageWire
from entresol.llm.openai_usage import read_input_usage
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reading import ObjectReader
from entresol.llm.types import JsonObject
from entresol.llm.usage_faults import despite_usage

_CLAIMED: Final = frozenset(("model", "dimensions", "encodings", "user"))
_ENCODINGS: Final = ("float", "base64")


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    model: str | None = None
    usage: UsageWire | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)


class OpenAIEmbeddings(OpenAIFormat, TranslatableFormat[EmbeddingRequest, EmbeddingResponse]):
    """OpenAI embeddings."""

    name = "openai-embeddings"
    operation = "embeddings"
    prompt_field = "input"
    option_fields = {"dimensions": "dimensions"}
    option_names = ("dimensions",)
    wire_names = {"encodings": "encoding_format", "inputs": "input"}

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=_read_inputs(reader))
        request.model = reader.string("model") or ""
        request.dimensions = reader.integer("dimensions")
        encoding = reader.string("encoding_format")
        request.encodings = [] if encoding is None else [encoding]
        request.user = reader.string("user")
        request.extra = reader.rest()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model, "input": [_write_input(each, losses) for each in request.inputs]}
        if request.dimensions is not None and losses.takes("dimensions"):
            wire["dimensions"] = request.dimensions
        known = [name for name in request.encodings if name in _ENCODINGS]
        if len(known) < len(request.encodings):
            raise losses.refuse("encodings", f"it gives vectors as {' or '.join(_ENCODINGS)}")
        if request.encodings and "float" not in known:
            wire["encoding_format"] = "base64"
        if request.user is not None and losses.takes("user"):
            wire["user"] = request.user
        return Encoded(encode_json(wire | losses.own(request.extra)), losses.finish())

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        ordered = sorted(answer.data, key=lambda each: each.index)
        if [each.index for each in ordered] not in ([*range(len(ordered))], [0] * len(ordered)):
            raise bad_field("data[].index", "the vectors are not counted from 0")
        response = EmbeddingResponse(origin=self.name, model=answer.model or "")
        response.vectors = [_read_vector(each.embedding) for each in ordered]
        response.usage = None if answer.usage is None else read_input_usage(answer.usage)
        return response

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        asked = response.asked
        as_text = asked is not None and asked.encodings == ["base64"]
        vectors: list[JsonObject] = [
            {"object": "embedding", "index": index, "embedding": base64_of(vector) if as_text else vector}
            for index, vector in enumerate(response.vectors)
        ]
        wire: JsonObject = {"object": "list", "data": vectors, "model": response.model}
        if response.usage is not None:
            tokens = response.usage.total_input
            wire["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        dropped = [*response.encoded, *left_over(response.extra, response.origin == self.name)]
        return Encoded(encode_json(wire), dropped)

    def relate(self, response: EmbeddingResponse, request: EmbeddingRequest) -> None:
        response.asked = request


def _read_inputs(reader: ObjectReader) -> list[EmbeddingInput]:
    """A text, texts, tokens, or lists of tokens. Raises ClientError `bad_request`."""
    value = reader.take("input")
    if isinstance(value, str):
        return [text_input(value)]
    if not isinstance(value, list) or not value:
        raise reader.wrong("input", "a text or a list of texts or tokens that is not empty", value)
    if all(isinstance(each, int) for each in value):
        return [EmbeddingInput(tokens=value)]
    return [_read_input(each, index) for index, each in enumerate(value)]


def _read_input(value: object, index: int) -> EmbeddingInput:
    if isinstance(value, str):
        return text_input(value)
    if isinstance(value, list) and value and all(isinstance(token, int) for token in value):
        return EmbeddingInput(tokens=value)
    raise bad_request(f"input[{index}]", "expected a text or a list of tokens")


def _write_input(each: EmbeddingInput, losses: Losses) -> str | list[int]:
    if each.tokens is not None:
        return each.tokens
    text = each.text
    if text is None:
        raise losses.refuse("inputs", f"it takes texts and tokens only, not {_strange(each)}")
    return text


def _strange(each: EmbeddingInput) -> str:
    return first_strange(EmbeddingRequest(origin="", inputs=[each])) + "s"


def _read_vector(value: list[float] | str) -> list[float]:
    if not isinstance(value, str):
        return value
    try:
        return vector_of(value)
    except ValueError as error:
        raise bad_field("data[].embedding", f"is no base64 vector: {error}") from error
