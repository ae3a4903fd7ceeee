from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.cohere_documents import place_documents, read_document, read_documents, write_document
from entresol.llm.format import Losses, Profile, Unsupported, bad_request
from entresol.llm.reading import ObjectReader
from entresol.llm.types import CacheMark, ChatRequest, Document, Message, Text

PATH = "messages[].content[]"


def losses(origin: str = "cohere-chat") -> Losses:
    return Losses(ChatRequest(origin=origin, messages=[]), "cohere-chat", frozenset(), Profile(provider="cohere"))


def read(*documents: object) -> list[Document]:
    return read_documents(ObjectReader({"documents": [*documents]}, "", bad_request))


def test_documents_are_texts_or_objects() -> None:
    titled = {"data": {"title": "T", "text": "b"}, "id": "1"}
    assert read("a", titled, {"data": {"snippet": "c"}}) == [
        Document(text="a"),
        Document(text="b", name="T", extra={"id": "1"}),
        Document(text="c"),
    ]
    assert read(titled)[0].name == "T"
    assert read_documents(ObjectReader({}, "", bad_request)) == []
    assert read_document(ObjectReader({"data": "x"}, "", bad_request)).text == "x"


@pytest.mark.parametrize("wrong", [[3], ["a", 3], [{}], [{"data": 3}], ["a", {"id": "x"}], "a"])
def test_what_is_no_document_is_refused(wrong: Any) -> None:
    with pytest.raises(ClientError, match="documents"):
        read_documents(ObjectReader({"documents": wrong}, "", bad_request))


@given(st.dictionaries(st.text(max_size=6), st.text(max_size=6) | st.integers(-9, 9), max_size=4))
def test_all_of_a_documents_data_comes_back(data: dict[str, Any]) -> None:
    (document,) = read({"data": data, "id": "i"})
    written = write_document(document, losses(), PATH)
    expected = {"text": data["snippet"]} if data.keys() == {"snippet"} and isinstance(data["snippet"], str) else data
    if isinstance(data.get("snippet"), str) and isinstance(data.get("title"), str) and len(data) == 2:
        expected = {"title": data["title"], "text": data["snippet"]}
    assert written == {"data": expected, "id": "i"}


def test_documents_stand_before_the_users_last_words() -> None:
    messages = [
        Message(role="user", parts=[Text(text="first")]),
        Message(role="user", parts=[Text(text="last")]),
        Message(role="assistant", parts=[Text(text="well")]),
    ]
    assert place_documents([Document(text="d")], messages)
    assert messages[1].parts == [Document(text="d"), Text(text="last")]
    assert not place_documents([Document(text="d")], [Message(role="system")])
    assert place_documents([], [])


def test_other_formats_documents_must_be_text() -> None:
    foreign = losses("other")
    marked = Document(text="a", name="N", cache=CacheMark(), signature="s", extra={"x": 1})
    assert write_document(marked, foreign, PATH) == {"data": {"title": "N", "text": "a"}}
    assert foreign.finish() == [f"{PATH}.cache_control", f"{PATH}.signature"]
    decoded = Document(data="aGk=", media_type="text/plain")
    assert write_document(decoded, foreign, PATH) == {"data": {"text": "hi"}}
    not_json = Document(text="[1", media_type="application/json")
    assert write_document(not_json, foreign, PATH) == {"data": {"text": "[1"}}
    for other in (Document(url="https://x/y.pdf"), Document(data="JVBERi0=", media_type="application/pdf")):
        with pytest.raises(Unsupported, match="must be text"):
            write_document(other, foreign, PATH)
