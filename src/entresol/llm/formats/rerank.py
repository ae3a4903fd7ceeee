"""Wire format `rerank`: `POST /v1/rerank`, documents in the order in which they answer a query.

No standard says what it is. Sources: the API references of Jina AI, Together AI and Voyage AI ("Reranker"), vLLM's
"Rerank API", Text Embeddings Inference's `/rerank`. Requests are written as all of the first four take them; answers
are read in every way in which they come.
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
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
from entresol.llm.fragment import object_after, string_after
from entresol.llm.openai_facts import read_error
from entresol.llm.openai_structs import ErrorWire
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reading import ObjectReader, json_type
from entresol.llm.reranking import RankedDocument, RerankRequest, RerankResponse, check_places
from entresol.llm.token_count import count
from entresol.llm.types import JsonObject, Usage
from entresol.llm.usage_faults import despite_usage

_CLAIMED: Final = frozenset(("model", "top_n", "return_documents"))


class _Usage(msgspec.Struct):
    total_tokens: int | None = None
    prompt_tokens: int | None = None


class _Ranked(msgspec.Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None
    document: str | JsonObject | None = None
    text: str | None = None


class _Answer(msgspec.Struct):
    results: list[_Ranked] | None = None
    data: list[_Ranked] | None = None
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    error: ErrorWire | str | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer | list[_Ranked]).decode)
_decode_usage: Final = msgspec.json.Decoder(_Usage).decode


class Rerank(OpenAIFormat, TranslatableFormat[RerankRequest, RerankResponse]):
    """What servers of OpenAI's API have for a rerank."""

    name = "rerank"
    operation = "rerank"
    prompt_field = "query"

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> RerankRequest:
        reader = ObjectReader(decode_request_as(decode_json, body), "", bad_request)
        documents = _read_documents(reader)
        request = RerankRequest(origin=self.name, query=reader.need_string("query"), documents=documents)
        request.model = reader.string("model") or ""
        request.top_n = reader.integer("top_n")
        request.return_documents = reader.boolean("return_documents")
        request.extra = {name: value for name, value in reader.rest().items() if value is not None}
        return request

    def encode_request(self, request: RerankRequest, profile: Profile) -> Encoded:
        losses = Losses(request, self.name, _CLAIMED, profile)
        wire: JsonObject = {"model": request.model, "query": request.query, "documents": request.documents}
        if request.top_n is not None and losses.takes("top_n"):
            wire["top_n"] = request.top_n
        if request.return_documents is not None and losses.takes("return_documents"):
            wire["return_documents"] = request.return_documents
        return Encoded(encode_json(wire | losses.own(request.extra)), losses.finish())

    def response_facts(self, body: bytes) -> CallFacts:
        answer = _read_answer(body)
        if answer.error is not None:
            return CallFacts(error=read_error(answer.error, 502), is_complete=True)
        if answer.results is None:
            raise bad_response("it has no results")
        usage = _read_usage(answer.usage)
        return CallFacts(usage=usage, model=answer.model, response_id=answer.id, is_complete=True)

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        usage = None
        for end in (head, tail):  # vLLM says it first
            found = object_after(end, b'"usage"')
            try:
                usage = usage if found is None else _read_usage(_decode_usage(found))
            except msgspec.DecodeError:
                continue
        return CallFacts(usage=usage, model=string_after(head, b'"model"'), is_complete=True)

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        return CallFacts()  # there are no streams

    def decode_response(self, body: bytes) -> RerankResponse:
        answer = _read_answer(body)
        if answer.results is None:
            raise bad_response("it has no results")
        response = RerankResponse(origin=self.name, id=answer.id or "", model=answer.model or "")
        response.results = [_read_result(each) for each in answer.results]
        check_places(response)
        response.usage = _read_usage(answer.usage)
        return response

    def encode_response(self, response: RerankResponse) -> Encoded:
        check_places(response)
        asked = response.asked
        results: list[JsonObject] = []
        for each in response.results:
            result: JsonObject = {"index": each.index, "relevance_score": each.score}
            document = each.document
            if asked is not None and asked.return_documents is not False:
                document = asked.documents[each.index]
            if document is not None:
                result["document"] = {"text": document} if isinstance(document, str) else document
            results.append(result)
        wire: JsonObject = {"id": response.id, "model": response.model, "results": results}
        tokens = 0 if response.usage is None else response.usage.total_input
        wire["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        dropped = [] if response.searches is None else ["meta.billed_units.search_units"]
        return Encoded(encode_json(wire), dropped if response.origin == self.name else [*dropped, *response.extra])

    def relate(self, response: RerankResponse, request: RerankRequest) -> None:
        response.asked = request


def _read_documents(reader: ObjectReader) -> list[str | JsonObject]:
    """Texts and objects. Raises ClientError `bad_request`."""
    value = reader.take("documents")
    if not isinstance(value, list) or not value:
        raise reader.wrong("documents", "a list of texts or objects that is not empty", value)
    documents: list[str | JsonObject] = []
    for index, each in enumerate(value):
        if not isinstance(each, str | dict):
            raise bad_request(f"documents[{index}]", f"expected a text or an object, got {json_type(each)}")
        documents.append(each)
    return documents


def _read_answer(body: bytes) -> _Answer:
    answer: _Answer | list[_Ranked] = decode_response_as(_decode_answer, body)
    if isinstance(answer, list):
        return _Answer(results=answer)
    if answer.results is None:
        answer.results = answer.data
    return answer


def _read_result(wire: _Ranked) -> RankedDocument:
    score = wire.score if wire.relevance_score is None else wire.relevance_score
    if score is None:
        raise bad_field("results[].relevance_score", "is required")
    return RankedDocument(index=wire.index, score=score, document=wire.text if wire.document is None else wire.document)


def _read_usage(wire: _Usage | None) -> Usage | None:
    if wire is None:
        return None
    counted = wire.total_tokens if wire.total_tokens is not None else wire.prompt_tokens
    return None if counted is None else Usage(input=count(counted))
