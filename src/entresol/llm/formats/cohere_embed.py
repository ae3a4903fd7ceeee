"""Wire format `cohere-embed`: `POST /v2/embed`, texts and images to vectors. It never streams.

Source: Cohere API reference, version 2, "Embed"; types of cohere 7 for Python.
"""

from typing import Final, Literal

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.cohere_meta import CohereMetaFormat, Meta, write_meta
from entresol.llm.cohere_wire import read_usage
from entresol.llm.embeddings import (
    EmbeddingInput,
    EmbeddingRequest,
    EmbeddingResponse,
    Purpose,
    base64_of,
    left_over,
    text_input,
    texts_of,
    vector_of,
)
from entresol.llm.format import (
    Encoded,
    Losses,
    Profile,
    TranslatableFormat,
    bad_field,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.media_types import split_data_url
from entresol.llm.reading import ObjectReader
from entresol.llm.types import Image, JsonObject, Text
from entresol.llm.usage_faults import despite_usage

_CLAIMED: Final = frozenset(("model", "dimensions", "encodings", "purpose", "truncate"))
_ENCODINGS: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_PURPOSES: Final[dict[str, Purpose]] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "image": "image",
}
_INPUT_TYPES: Final = {purpose: name for name, purpose in _PURPOSES.items()}
_NEAREST: Final[dict[Purpose, str]] = {
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_query": "search_query",
    "similarity": "clustering",
}
"""What Cohere has no word for: that it is another one is reported."""
_CUTS: Final[dict[str, Literal["none", "start", "end"]]] = {"NONE": "none", "START": "start", "END": "end"}


class _Answer(msgspec.Struct):
    embeddings: dict[str, list[msgspec.Raw] | None] | list[list[float]] | None = None
    id: str | None = None
    meta: Meta | None = None
    message: object = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)
_decode_vectors: Final = msgspec.json.Decoder(list[list[float]]).decode
_decode_texts: Final = msgspec.json.Decoder(list[str]).decode
_decode_list: Final = msgspec.json.Decoder(list[object]).decode


class CohereEmbed(CohereMetaFormat, TranslatableFormat[EmbeddingRequest, EmbeddingResponse]):
    """Cohere's embeddings."""

    name = "cohere-embed"
    operation = "embeddings"
    prompt_field = ""  # one of three
    answer_field = "embeddings"
    option_fields = {"dimensions": "output_dimension"}
    option_names = ("dimensions",)
    wire_names = {
        "dimensions": "output_dimension",
        "encodings": "embedding_types",
        "inputs": "texts",
        "purpose": "input_type",
    }

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=_read_inputs(reader))
        request.model = reader.string("model") or ""
        kind = reader.string("input_type")
        if kind is not None:
            request.purpose = _PURPOSES.get(kind)
            if request.purpose is None:
                raise reader.invalid("input_type", f"expected one of {', '.join(_PURPOSES)}")
        request.dimensions = reader.integer("output_dimension")
        request.encodings = reader.strings("embedding_types") or []
        cut = reader.string("truncate")
        if cut is not None:
            request.truncate = _CUTS.get(cut)
            if request.truncate is None:
                raise reader.invalid("truncate", f"expected one of {', '.join(_CUTS)}")
        request.extra = {name: value for name, value in reader.rest().items() if value is not None}
        request.unread = reader.unread()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model}
        has_images = _write_inputs(request, wire, losses)
        purpose = request.purpose
        kind = None if purpose is None else _INPUT_TYPES.get(purpose) or _NEAREST[purpose]
        if purpose in _NEAREST:
            losses.drop("purpose")
        if "images" in wire:
            kind = "image"  # nothing else goes with them
        elif kind == "image" and not has_images:
            kind = None
            losses.drop("purpose")
        if kind is not None or not losses.is_own:
            wire["input_type"] = kind or "search_document"
        unknown = [name for name in request.encodings if name not in _ENCODINGS]
        if unknown and not losses.is_own:
            raise losses.refuse("encodings", f"it gives vectors as {', '.join(_ENCODINGS)}")
        if request.encodings or not losses.is_own:
            wire["embedding_types"] = request.encodings or ["float"]
        if request.dimensions is not None and losses.takes("dimensions"):
            wire["output_dimension"] = request.dimensions
        if request.truncate is not None and losses.takes("truncate"):
            wire["truncate"] = request.truncate.upper()
        return Encoded(encode_json(wire | losses.own(request.extra)), losses.finish())

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        return self.facts_of(answer.message, answer.embeddings, answer.id, answer.meta)

    def decode_response(self, body: bytes) -> EmbeddingResponse:
        answer = decode_response_as(_decode_answer, body)
        found = answer.embeddings
        if found is None:
            raise bad_response("it has no embeddings")
        response = EmbeddingResponse(origin=self.name, id=answer.id or "")
        if isinstance(found, dict):
            _read_vectors({name: raw for name, raw in found.items() if raw is not None}, response)
        else:
            response.vectors = found
        if answer.meta is not None:
            response.usage = read_usage(answer.meta)
            response.extra = {"meta.warnings": answer.meta.warnings} if answer.meta.warnings else {}
        return response

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        is_own = response.origin == self.name
        asked = response.asked
        wanted = (asked.encodings if asked is not None else []) or (["float"] if response.vectors else [])
        written: dict[str, object] = {}
        for name in wanted:
            if name == "float":
                written[name] = response.vectors
            elif name == "base64" and response.vectors:
                written[name] = [base64_of(vector) for vector in response.vectors]
        more = {name: value for name, value in response.encoded.items() if name not in written}
        kept = {name: value for name, value in more.items() if is_own or name in wanted}
        wire: JsonObject = {"id": response.id, "embeddings": written | kept}
        texts = None if asked is None else texts_of(asked)
        if texts is not None:
            wire["texts"] = texts
        warnings = response.extra.get("meta.warnings") if is_own else None
        wire["meta"] = write_meta(response.usage, warnings)
        wire["response_type"] = "embeddings_by_type"
        return Encoded(encode_json(wire), [*(more.keys() - kept.keys()), *left_over(response.extra, is_own)])

    def relate(self, response: EmbeddingResponse, request: EmbeddingRequest) -> None:
        response.asked = request


def _read_inputs(reader: ObjectReader) -> list[EmbeddingInput]:
    """The one of `texts`, `images` and `inputs` that there is. Raises ClientError `bad_request`."""
    texts, images, inputs = reader.strings("texts"), reader.strings("images"), reader.readers("inputs")
    if sum(given is not None for given in (texts, images, inputs)) != 1:
        raise reader.invalid("texts", "one of texts, images and inputs is required, and no more than one")
    for name, given in (("texts", texts), ("images", images), ("inputs", inputs)):
        if given is not None and not given:
            raise reader.invalid(name, "must not be empty")
    if texts is not None:
        return [text_input(text) for text in texts]
    if images is not None:
        return [EmbeddingInput(parts=[_image(url)]) for url in images]
    return [
        EmbeddingInput(parts=[_read_part(part) for part in each.need("content", each.readers("content"))])
        for each in inputs or []
    ]


def _read_part(part: ObjectReader) -> Text | Image:
    kind = part.need_string("type")
    if kind == "text":
        return Text(text=part.need_string("text"))
    if kind != "image_url":
        raise part.invalid("type", f"expected text or image_url, got {kind!r}")
    return _image(part.need("image_url", part.reader("image_url")).need_string("url"))


def _image(url: str) -> Image:
    inline = split_data_url(url)
    return Image(url=url) if inline is None else Image(media_type=inline[0], data=inline[1])


def _write_inputs(request: EmbeddingRequest, wire: JsonObject, losses: Losses) -> bool:
    """Write `texts`, `images` or `inputs`. True: there are images. Raises ClientError `unsupported_by_provider`."""
    if any(each.tokens is not None for each in request.inputs):
        raise losses.refuse("inputs", "it takes no tokens, only texts and images")
    texts = texts_of(request)
    if texts is not None:
        wire["texts"] = texts
        return False
    alone = [each.parts[0] for each in request.inputs if len(each.parts) == 1]
    pictures = [part for part in alone if isinstance(part, Image)]
    if len(pictures) == len(request.inputs) and request.purpose in (None, "image"):
        wire["images"] = [_url(picture, losses) for picture in pictures]
    else:
        wire["inputs"] = [{"content": [_write_part(part, losses) for part in each.parts]} for each in request.inputs]
    return True


def _write_part(part: Text | Image, losses: Losses) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": _url(part, losses)}}


def _url(image: Image, losses: Losses) -> str:
    if image.data is not None:
        return f"data:{image.media_type or 'image/png'};base64,{image.data}"
    if image.url is None or not losses.is_own:
        raise losses.refuse("inputs", "it takes images inline only")
    return image.url


def _read_vectors(found: dict[str, list[msgspec.Raw]], response: EmbeddingResponse) -> None:
    """Vectors by encoding. Raises UpstreamError `provider_bad_response`, also where their numbers differ."""
    if not found or len({len(each) for each in found.values()}) != 1:
        raise bad_field("embeddings", "the encodings have none or not equally many vectors")
    for name, raw in found.items():
        data = encode_json(raw)
        if name == "float":
            response.vectors = decode_response_as(_decode_vectors, data)
        elif name == "base64" and "float" not in found:
            response.vectors = [_unpacked(text) for text in decode_response_as(_decode_texts, data)]
        else:
            response.encoded[name] = decode_response_as(_decode_list, data)


def _unpacked(text: str) -> list[float]:
    try:
        return vector_of(text)
    except ValueError as error:
        raise bad_field("embeddings.base64", f"is no base64 vector: {error}") from error
