"""Wire format `cohere-rerank`: `POST /v2/rerank`, documents in the order in which they answer a query.

Source: Cohere API reference, version 2, "Rerank"; types of cohere 7 for Python.
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.cohere_meta import CohereMetaFormat, Meta, write_meta
from entresol.llm.cohere_wire import read_usage
from entresol.llm.format import (
    Encoded,
    Losses,
    Profile,
    TranslatableFormat,
    bad_request,
    bad_response,
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
)
from entresol.llm.reading import ObjectReader
from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse, check_places, text_of_document
from entresol.llm.types import JsonObject
from entresol.llm.usage_faults import despite_usage

_CLAIMED: Final = frozenset(("model", "top_n", "max_tokens_per_document", "return_documents"))


class _Ranked(msgspec.Struct):
    index: int
    relevance_score: float
    relevant_spans: object = None


class _Answer(msgspec.Struct):
    results: list[_Ranked] | None = None
    id: str | None = None
    meta: Meta | None = None
    message: object = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)


class CohereRerank(CohereMetaFormat, TranslatableFormat[RerankRequest, RerankResponse]):
    """Cohere's rerank. Documents do not come back in its answers."""

    name = "cohere-rerank"
    operation = "rerank"
    prompt_field = "query"
    answer_field = "results"
    wire_names = {"max_tokens_per_document": "max_tokens_per_doc"}

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> RerankRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        documents = reader.need("documents", reader.strings("documents"))
        if not documents:
            raise reader.invalid("documents", "must not be empty")
        request = RerankRequest(origin=self.name, query=reader.need_string("query"), documents=[*documents])
        request.model = reader.string("model") or ""
        request.top_n = reader.integer("top_n")
        request.max_tokens_per_document = reader.integer("max_tokens_per_doc")
        request.extra = {name: value for name, value in reader.rest().items() if value is not None}
        return request

    def encode_request(self, request: RerankRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        documents = [text_of_document(each) for each in request.documents]
        wire: JsonObject = {"model": request.model, "query": request.query, "documents": documents}
        if request.top_n is not None and losses.takes("top_n"):
            wire["top_n"] = request.top_n
        if request.max_tokens_per_document is not None and losses.takes("max_tokens_per_document"):
            wire["max_tokens_per_doc"] = request.max_tokens_per_document
        return Encoded(encode_json(wire | losses.own(request.extra)), losses.finish())

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_answer, body)
        return self.facts_of(answer.message, answer.results, answer.id, answer.meta)

    def decode_response(self, body: bytes) -> RerankResponse:
        answer = decode_response_as(_decode_answer, body)
        if answer.results is None:
            raise bad_response("it has no results")
        response = RerankResponse(origin=self.name, id=answer.id or "")
        response.results = [RankedDocument(index=each.index, score=each.relevance_score) for each in answer.results]
        check_places(response)
        if any(each.relevant_spans is not None for each in answer.results):
            spans = {each.index: each.relevant_spans for each in answer.results}
            response.extra["results.relevant_spans"] = [spans[each.index] for each in response.results]
        meta = answer.meta
        if meta is not None:
            response.usage = read_usage(meta)
            searches = None if meta.billed_units is None else meta.billed_units.search_units
            response.searches = None if searches is None else max(int(min(searches, 1e9)), 0)
            if meta.warnings:
                response.extra["meta.warnings"] = meta.warnings
        return response

    def encode_response(self, response: RerankResponse) -> Encoded:
        check_places(response)
        is_own = response.origin == self.name
        results: list[JsonObject] = [{"index": each.index, "relevance_score": each.score} for each in response.results]
        spans = response.extra.get("results.relevant_spans") if is_own else None
        for result, span in zip(results, spans if isinstance(spans, list) else [], strict=False):
            if span is not None:
                result["relevant_spans"] = span
        warnings = response.extra.get("meta.warnings") if is_own else None
        meta = write_meta(response.usage, warnings, response.searches)
        wire: JsonObject = {"id": response.id, "results": results, "meta": meta}
        return Encoded(encode_json(wire), [] if is_own else list(response.extra))

    def relate(self, response: RerankResponse, request: RerankRequest) -> None:
        response.asked = request
