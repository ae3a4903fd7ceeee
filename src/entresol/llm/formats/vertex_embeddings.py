"""Wire format `vertex-embeddings`: Vertex AI's `…/publishers/google/models/MODEL:predict`, texts to vectors.

Source: Vertex AI REST reference (v1), TextEmbeddingPredictionInstance, TextEmbeddingPredictionParams and
TextEmbeddingPredictionResult; "Text embeddings API" for the limits; google-genai 3.4 for the spelling of both. It never
streams.
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.embeddings import (
    EmbeddingInput,
    EmbeddingRequest,
    EmbeddingResponse,
    first_strange,
    left_over,
    text_input,
    texts_of,
)
from entresol.llm.format import (
    Encoded,
    Fields,
    Losses,
    Opened,
    Profile,
    bad_field,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    raw_json,
)
from entresol.llm.gemini_embedding import TASK_TYPES, GeminiEmbeddingFormat, finished, purpose_of
from entresol.llm.gemini_structs import ErrorWire
from entresol.llm.gemini_wire import read_error
from entresol.llm.reading import ObjectReader
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage

_CLAIMED: Final = frozenset(("model", "dimensions", "encodings", "purpose", "title", "truncate"))
_TASK: Final = ("task_type", "taskType")
"""As its documentation and clients write it, and as the reference does."""
_SETTINGS: Final = (*_TASK, "title")
_TAKES_ONE: Final = "gemini-embedding-"
"""Models for which a call has one instance."""


class _Statistics(msgspec.Struct):
    token_count: float | None = None
    truncated: bool | None = None


class _Embeddings(msgspec.Struct):
    values: list[float]
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embeddings | None = None


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None
    error: ErrorWire | None = None


_decode_answer: Final = msgspec.json.Decoder(_Answer).decode
_decode_parameters: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


class VertexEmbeddings(GeminiEmbeddingFormat):
    """Text embeddings by Vertex AI's predict."""

    name = "vertex-embeddings"
    prompt_field = "instances"
    method = "predict"
    wire_names = {
        "dimensions": "parameters.outputDimensionality",
        "inputs": "instances[].content",
        "purpose": "instances[].task_type",
        "title": "instances[].title",
        "truncate": "parameters.autoTruncate",
    }

    def set_dimensions(self, opened: Opened, dimensions: int) -> None:
        opened.put("parameters", _parameters(opened.fields) | {"outputDimensionality": raw_json(dimensions)})

    def set_model(self, opened: Opened, model: str) -> None:
        """It stands in the path."""

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=[], model=self.model_in(path) or "")
        instances = reader.need("instances", reader.reader_or_readers("instances"))
        if not instances:
            raise bad_request("instances", "must not be empty")
        if len({tuple(str(each.peek(name)) for name in _SETTINGS) for each in instances}) > 1:
            raise bad_request("instances", "the instances differ in task_type or title")
        request.inputs = [_read_instance(each, request) for each in instances]
        parameters = reader.reader("parameters")
        if parameters is not None:
            request.dimensions = parameters.integer("outputDimensionality")
            cuts = parameters.boolean("autoTruncate")
            request.truncate = None if cuts is None else "end" if cuts else "none"
        request.extra = reader.rest()
        request.unread = reader.unread()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        if any(encoding not in ("float", "base64") for encoding in request.encodings):
            raise losses.refuse("encodings", "it gives vectors as float only")
        texts = texts_of(request)
        if texts is None:
            raise losses.refuse("inputs", f"it takes texts only, not {first_strange(request)}s")
        if len(texts) > 1 and request.model.startswith(_TAKES_ONE):
            raise losses.refuse("inputs", f"the model {request.model} takes one text a call")
        settings = _settings(request, losses)
        wire: JsonObject = {"instances": [{"content": text, **settings} for text in texts]}
        parameters = _write_parameters(request, losses)
        if parameters:
            wire["parameters"] = parameters
        return Encoded(encode_json(wire | losses.own(request.extra)), finished(losses, request))

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        predictions = _predictions(answer)
        response = EmbeddingResponse(origin=self.name, usage=_read_usage(predictions))
        for index, each in enumerate(predictions):
            if each.embeddings is None:
                raise bad_field(f"predictions[{index}].embeddings", "is required")
            response.vectors.append(each.embeddings.values)
            if each.embeddings.statistics is not None and each.embeddings.statistics.truncated:
                response.extra = {"statistics.truncated": True}
        return response

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        """Tokens are told of all texts together, so they stand at the first vector: clients add them up."""
        vectors: list[JsonObject] = [{"values": vector} for vector in response.vectors]
        if response.usage is not None:
            is_cut = response.origin == self.name and "statistics.truncated" in response.extra
            for index, each in enumerate(vectors):
                tokens = 0 if index else response.usage.total_input
                each["statistics"] = {"truncated": is_cut, "token_count": tokens}
        dropped = [*response.encoded, *left_over(response.extra, response.origin == self.name)]
        return Encoded(encode_json({"predictions": [{"embeddings": each} for each in vectors]}), dropped)

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        if answer.error is not None:
            return CallFacts(error=read_error(answer.error, answer.error.code or 502), is_complete=True)
        return CallFacts(usage=_read_usage(_predictions(answer)), is_complete=True)


def _parameters(fields: Fields) -> Fields:
    """A request's parameters. Raises ClientError `bad_request`."""
    raw = fields.get("parameters")
    try:
        return {} if raw is None else _decode_parameters(raw) or {}
    except msgspec.DecodeError as error:
        raise bad_request("parameters", "expected an object") from error


def _read_instance(each: ObjectReader, request: EmbeddingRequest) -> EmbeddingInput:
    """One text; what it sets for itself is set for the request."""
    kind = next((value for value in [each.string(name) for name in _TASK] if value is not None), None)
    request.purpose = purpose_of(kind, each, _TASK[0])
    request.title = each.string("title")
    return text_input(each.need_string("content"))


def _settings(request: EmbeddingRequest, losses: Losses) -> JsonObject:
    """What an instance says beside its text."""
    settings: JsonObject = {}
    if request.purpose is not None:
        kind = TASK_TYPES.get(request.purpose)
        if kind is None:
            losses.drop("purpose")
        else:
            settings["task_type"] = kind
    if request.title is not None:
        settings["title"] = request.title
    return settings


def _write_parameters(request: EmbeddingRequest, losses: Losses) -> JsonObject:
    parameters: JsonObject = {}
    if request.dimensions is not None and losses.takes("dimensions"):
        parameters["outputDimensionality"] = request.dimensions
    if request.truncate == "start":
        losses.drop("truncate")
    elif request.truncate is not None:
        parameters["autoTruncate"] = request.truncate == "end"
    return parameters


def _predictions(answer: _Answer) -> list[_Prediction]:
    if answer.predictions is None:
        raise bad_response("it has no predictions")
    return answer.predictions


def _read_usage(predictions: list[_Prediction]) -> Usage | None:
    """The tokens of all texts; None if none of them tells."""
    counts = [
        each.embeddings.statistics.token_count
        for each in predictions
        if each.embeddings is not None and each.embeddings.statistics is not None
    ]
    known = [each for each in counts if each is not None]
    return Usage(input=sum(count(each) for each in known)) if known else None
