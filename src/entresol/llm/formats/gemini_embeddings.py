"""Wire format `gemini-embeddings`: `…:batchEmbedContents`, many contents to vectors. It never streams.

Source: Gemini API reference (v1beta), "Embeddings", models.batchEmbedContents.
"""

import msgspec

from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse
from entresol.llm.format import (
    Encoded,
    Opened,
    Profile,
    bad_request,
    decode_json,
    decode_request_as,
    encode_json,
)
from entresol.llm.gemini_embedding import GeminiEmbeddingFormat, finished, losses_of, read_embed, write_embed
from entresol.llm.json_fields import Fields, raw_json
from entresol.llm.reading import ObjectReader
from entresol.llm.types import JsonObject


class GeminiEmbeddings(GeminiEmbeddingFormat):
    """Gemini batchEmbedContents."""

    name = "gemini-embeddings"
    prompt_field = "requests"
    method = "batchEmbedContents"

    def set_dimensions(self, opened: Opened, dimensions: int) -> None:
        self._set(opened, "outputDimensionality", dimensions)

    def set_model(self, opened: Opened, model: str) -> None:
        self._set(opened, "model", model)

    def _set(self, opened: Opened, name: str, value: object) -> None:
        requests = _each_request(opened.fields)
        for each in requests:
            each[name] = raw_json(value)
        opened.put("requests", requests)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=[], model=self.model_in(path) or "")
        each = reader.need("requests", reader.readers("requests"))
        settings = {_settings(one) for one in each}
        if len(settings) > 1:
            raise bad_request("requests", "the requests differ in taskType, title or outputDimensionality")
        request.inputs = [read_embed(one, request) for one in each]
        request.extra = reader.rest()
        request.unread = reader.unread()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = losses_of(request, self.name, profile)
        requests = [write_embed(each, request, losses) for each in request.inputs]
        wire: JsonObject = {"requests": requests, **losses.own(request.extra)}
        return Encoded(encode_json(wire), finished(losses, request))

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        return self.write_answer(response, {"embeddings": [{"values": vector} for vector in response.vectors]})


def _each_request(fields: Fields) -> list[Fields]:
    try:
        return msgspec.json.decode(fields.get("requests", b"[]"), type=list[dict[str, msgspec.Raw]])
    except msgspec.DecodeError as error:
        raise bad_request("requests", "expected a list of objects") from error


def _settings(each: ObjectReader) -> tuple[object, ...]:
    """What may not differ between the inputs of one call in other formats."""
    return tuple(str(each.peek(name)) for name in ("taskType", "title", "outputDimensionality"))
