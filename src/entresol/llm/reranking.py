"""The canonical form of a rerank call: documents in the order in which they answer a query."""

import msgspec

from entresol.llm.json_fields import bad_field, encode_json
from entresol.llm.types import CallRequest, CallResponse, JsonObject


class RerankRequest(CallRequest, kw_only=True):
    """A rerank call. A document is a text, or an object with one and more."""

    query: str
    documents: list[str | JsonObject]
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_document: int | None = None


class RankedDocument(msgspec.Struct, kw_only=True):
    """A document's place."""

    index: int
    """In the request."""
    score: float
    document: str | JsonObject | None = None
    """The document itself, where it was asked for."""


class RerankResponse(CallResponse, kw_only=True):
    """The best documents, the best first."""

    results: list[RankedDocument] = []
    searches: int | None = None
    """Billed searches, where the provider counts them."""
    asked: RerankRequest | None = None
    """What it answers, where another format asked."""


def text_of_document(document: str | JsonObject) -> str:
    """A document for formats that take texts only: its text, or all of it as JSON if it says more."""
    if isinstance(document, str):
        return document
    text = document.get("text")
    return text if isinstance(text, str) and len(document) == 1 else encode_json(document).decode()


def check_places(response: RerankResponse) -> None:
    """Put the best first. Raises UpstreamError `provider_bad_response` for a place twice, or that is none."""
    places = [each.index for each in response.results]
    count = None if response.asked is None else len(response.asked.documents)
    if len(set(places)) != len(places) or any(place < 0 or place >= (count or place + 1) for place in places):
        raise bad_field("results[].index", "is no place of a document, or comes twice")
    response.results.sort(key=lambda each: -each.score)
