"""Wire format `gemini-embed-content`: `…:embedContent`, one content to one vector. It never streams.

Source: Gemini API reference (v1beta), "Embeddings", models.embedContent.
"""

from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse
from entresol.llm.format import Encoded, Opened, Profile, bad_request, decode_json, decode_request_as, encode_json
from entresol.llm.gemini_embedding import GeminiEmbeddingFormat, finished, losses_of, read_embed, write_embed
from entresol.llm.reading import ObjectReader


class GeminiEmbedContent(GeminiEmbeddingFormat):
    """Gemini embedContent."""

    name = "gemini-embed-content"
    prompt_field = "content"
    method = "embedContent"
    wire_names = {
        "dimensions": "outputDimensionality",
        "inputs": "content",
        "purpose": "taskType",
    }

    def set_dimensions(self, opened: Opened, dimensions: int) -> None:
        opened.put("outputDimensionality", dimensions)

    def set_model(self, opened: Opened, model: str) -> None:
        if "model" in opened.fields:
            opened.put("model", model)

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> EmbeddingRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        request = EmbeddingRequest(origin=self.name, inputs=[], model=self.model_in(path) or "")
        request.inputs = [read_embed(reader, request)]
        request.extra = reader.rest()
        request.unread = reader.unread()
        return request

    def encode_request(self, request: EmbeddingRequest, profile: Profile) -> Encoded:
        losses = losses_of(request, self.name, profile)
        if len(request.inputs) != 1:
            raise losses.refuse("inputs", "it takes one input a call")
        wire = write_embed(request.inputs[0], request, losses) | losses.own(request.extra)
        return Encoded(encode_json(wire), finished(losses, request))

    def encode_response(self, response: EmbeddingResponse) -> Encoded:
        return self.write_answer(response, {"embedding": {"values": response.vectors[0] if response.vectors else []}})
