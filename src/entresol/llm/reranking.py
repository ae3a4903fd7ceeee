"""The canonical form of a rerank call: documents in the order in which they answer a query."""

import msgspec

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
