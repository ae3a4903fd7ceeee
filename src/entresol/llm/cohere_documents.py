"""Cohere's documents, which models cite: of a request, and of a tool's result. In both directions.

Source: Cohere API reference, version 2, "Chat", `documents`; guide "Retrieval Augmented Generation". A document is a
text, or an object `data` whose values the model reads, beside an `id` that citations name.
"""

from typing import Final

import msgspec

from entresol.llm.format import Losses, bad_request, encode_json
from entresol.llm.media_types import text_of
from entresol.llm.reading import ObjectReader, json_type
from entresol.llm.types import Document, JsonObject, Message

_JSON: Final = "application/json"
_TEXT_NAMES: Final = ("text", "snippet")
_decode: Final = msgspec.json.Decoder().decode


def read_documents(reader: ObjectReader) -> list[Document]:
    """The `documents` of a request. Raises ClientError `bad_request`."""
    value = reader.peek("documents")
    if not isinstance(value, list) or all(isinstance(each, dict) for each in value):
        return [read_document(each) for each in reader.readers("documents") or []]
    reader.take("documents")
    documents = []
    for index, each in enumerate(value):
        if isinstance(each, str):
            documents.append(Document(text=each))
        elif isinstance(each, dict):
            documents.append(read_document(ObjectReader(each, f"documents[{index}]", bad_request)))
        else:
            raise reader.invalid(f"documents[{index}]", f"expected a string or an object, got {json_type(each)}")
    return documents


def read_document(reader: ObjectReader) -> Document:
    """One document: its text and title, or else all of its data as JSON."""
    if isinstance(reader.peek("data"), str):  # as a tool's result it may be a text
        document = Document(text=reader.need_string("data"))
    else:
        document = _of_data(reader.need("data", reader.mapping("data")))
    document.extra = {name: value for name, value in reader.rest().items() if value is not None}
    return document


def _of_data(data: JsonObject) -> Document:
    title = data.get("title")
    text = next((data[name] for name in _TEXT_NAMES if name in data), None)
    if isinstance(text, str) and len(data) == 1:
        return Document(text=text)
    if isinstance(text, str) and isinstance(title, str) and len(data) == 2:
        return Document(text=text, name=title)
    return Document(text=encode_json(data).decode(), media_type=_JSON)


def place_documents(documents: list[Document], messages: list[Message]) -> bool:
    """Put a request's documents where others have them: before the words of the user's last message. False: there is
    no such message."""
    for message in reversed(messages):
        if message.role == "user":
            message.parts[:0] = documents
            return True
    return not documents


def write_document(document: Document, losses: Losses, path: str) -> JsonObject:
    """A document that is text. Raises ClientError `unsupported_by_provider` for any other."""
    text = text_of(document)
    if text is None:
        raise losses.refuse(path, "a document must be text, and part of the request")
    if document.cache is not None:
        losses.drop(f"{path}.cache_control")
    if document.signature is not None:
        losses.drop(f"{path}.signature")
    wire: JsonObject = {"data": _data(document, text)}
    return wire | losses.own(document.extra)


def _data(document: Document, text: str) -> JsonObject:
    if document.media_type == _JSON and document.name is None:
        try:
            value = _decode(text)
        except (msgspec.DecodeError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    return {"text": text} if document.name is None else {"title": document.name, "text": text}
