"""What Gemini's ways of asking for vectors have in common.

Source: Gemini API reference (v1beta), "Embeddings": EmbedContentRequest, TaskType, ContentEmbedding.
"""

import re
from typing import ClassVar, Final
from urllib.parse import unquote

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.call_facts import CallFacts
from entresol.llm.embeddings import EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Purpose, left_over
from entresol.llm.format import (
    Encoded,
    Fields,
    Losses,
    Opened,
    Options,
    Profile,
    TranslatableFormat,
    bad_response,
    decode_response_as,
    encode_json,
)
from entresol.llm.gemini_structs import ErrorWire
from entresol.llm.gemini_wire import GeminiFormat, read_error
from entresol.llm.reading import ObjectReader
from entresol.llm.token_count import count
from entresol.llm.types import Image, JsonObject, Text, Usage
from entresol.llm.usage_faults import despite_usage

_PATH: Final = re.compile(r"/models/([^/]+):(\w+)$")
_CLAIMED: Final = frozenset(("model", "dimensions", "purpose", "title"))
_PURPOSES: Final[dict[str, Purpose]] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
    "SEMANTIC_SIMILARITY": "similarity",
    "QUESTION_ANSWERING": "question_answering",
    "FACT_VERIFICATION": "fact_verification",
    "CODE_RETRIEVAL_QUERY": "code_query",
}
TASK_TYPES: Final = {purpose: name for name, purpose in _PURPOSES.items()}
"""Google's words for what vectors are for."""


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    total_token_count: int | None = None


class _Vector(msgspec.Struct):
    values: list[float]


class _Answer(msgspec.Struct, rename="camel"):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage_metadata: _Usage | None = None
    error: ErrorWire | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)


class GeminiEmbeddingFormat(GeminiFormat, TranslatableFormat[EmbeddingRequest, EmbeddingResponse]):
    """The part that all have. `method` is what stands in the path."""

    operation = "embeddings"
    option_names = ("dimensions",)
    wire_names: ClassVar[dict[str, str]] = {
        "dimensions": "requests[].outputDimensionality",
        "inputs": "requests[].content",
        "purpose": "requests[].taskType",
        "title": "requests[].title",
    }
    method: ClassVar[str]

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        return Opened(fields, self.model_in(path), False)

    def model_in(self, path: str) -> str | None:
        """The model that a client's path names. Raises ClientError `bad_request` for another method."""
        match = _PATH.search(path)
        if match is None:
            return None
        if match[2] != self.method:
            raise ClientError("bad_request", f"{match[2]} is not supported: only {self.method} is")
        return unquote(match[1])

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if options.dimensions is not None:
            self.set_dimensions(opened, options.dimensions)
        self.set_model(opened, f"models/{model.removeprefix('models/')}")
        return encode_json(opened.fields) if opened.body is None else opened.body

    def set_dimensions(self, opened: Opened, dimensions: int) -> None:
        """Write the length of the vectors into a body."""
        raise NotImplementedError

    def set_model(self, opened: Opened, model: str) -> None:
        """Write the model's name where a body has one."""
        raise NotImplementedError

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is not None:
            return CallFacts(error=read_error(answer.error, answer.error.code or 502), is_complete=True)
        if answer.embedding is None and answer.embeddings is None:
            raise bad_response("it has no embeddings")
        return CallFacts(usage=_read_usage(answer.usage_metadata), is_complete=True)

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        vectors = answer.embeddings if answer.embedding is None else [answer.embedding]
        if vectors is None:
            raise bad_response("it has no embeddings")
        usage = _read_usage(answer.usage_metadata)
        return EmbeddingResponse(origin=self.name, vectors=[each.values for each in vectors], usage=usage)

    def write_answer(self, response: EmbeddingResponse, wire: JsonObject) -> Encoded:
        """An answer for a client; `wire` has the vectors."""
        if response.usage is not None:
            tokens = response.usage.total_input
            wire["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
        dropped = [*response.encoded, *left_over(response.extra, response.origin == self.name)]
        return Encoded(encode_json(wire), dropped)


def losses_of(request: EmbeddingRequest, name: str, profile: Profile) -> Losses:
    """What keeps account of a request that becomes one of Gemini's. Raises ClientError for what cannot be said."""
    losses = Losses(request, name, _CLAIMED, profile)
    if any(encoding not in ("float", "base64") for encoding in request.encodings):
        raise losses.refuse("encodings", "it gives vectors as float only")
    return losses


def finished(losses: Losses, request: EmbeddingRequest) -> list[str]:
    """Everything dropped. That vectors come as float is no loss: the client still gets what it asked for."""
    return [name for name in losses.finish() if name != "encodings"]


def read_embed(reader: ObjectReader, request: EmbeddingRequest) -> EmbeddingInput:
    """One EmbedContentRequest: its content; what it sets for itself is set for the request."""
    content = reader.need("content", reader.reader("content"))
    parts = [_read_part(part) for part in content.need("parts", content.reader_or_readers("parts"))]
    content.string("role")
    request.model = (reader.string("model") or request.model).removeprefix("models/")
    dimensions, kind = reader.integer("outputDimensionality"), reader.string("taskType")
    request.dimensions = request.dimensions if dimensions is None else dimensions
    request.title = reader.string("title") or request.title
    request.purpose = purpose_of(kind, reader, "taskType") or request.purpose
    return EmbeddingInput(parts=parts)


def purpose_of(kind: str | None, reader: ObjectReader, name: str) -> Purpose | None:
    """What a task type says, which stands in the field `name`. Raises ClientError for one that there is not."""
    if kind is None or kind == "TASK_TYPE_UNSPECIFIED":
        return None
    purpose = _PURPOSES.get(kind)
    if purpose is None:
        raise reader.invalid(name, f"expected one of {', '.join(_PURPOSES)}")
    return purpose


def _read_part(part: ObjectReader) -> Text | Image:
    text = part.string("text")
    if text is not None:
        return Text(text=text)
    inline = part.need("text", part.reader("inlineData") or part.reader("inline_data"))
    media_type = inline.string("mimeType") or inline.string("mime_type")
    return Image(data=inline.need_string("data"), media_type=media_type)


def write_embed(each: EmbeddingInput, request: EmbeddingRequest, losses: Losses) -> JsonObject:
    """One EmbedContentRequest."""
    if each.tokens is not None:
        raise losses.refuse("inputs", "it takes no tokens, only texts and images")
    wire: JsonObject = {
        "model": f"models/{request.model.removeprefix('models/')}",
        "content": {"parts": [_write_part(part, losses) for part in each.parts]},
    }
    if request.dimensions is not None and losses.takes("dimensions"):
        wire["outputDimensionality"] = request.dimensions
    kind = None if request.purpose is None else TASK_TYPES.get(request.purpose)
    if kind is not None:
        wire["taskType"] = kind
    elif request.purpose is not None:
        losses.drop("purpose")
    if request.title is not None:
        wire["title"] = request.title
    return wire


def _write_part(part: Text | Image, losses: Losses) -> JsonObject:
    if isinstance(part, Text):
        return {"text": part.text}
    if part.data is None:
        raise losses.refuse("inputs", "it takes images inline only")
    return {"inlineData": {"mimeType": part.media_type or "image/png", "data": part.data}}


def _read_usage(wire: _Usage | None) -> Usage | None:
    tokens = None if wire is None else wire.prompt_token_count or wire.total_token_count
    return None if tokens is None else Usage(input=count(tokens))
