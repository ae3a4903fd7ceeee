"""What a file is."""

import base64

import pytest

from entresol.llm.media_types import is_http, split_data_url, standard_base64, text_of, type_of_name
from entresol.llm.types import Document


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("data:image/png;base64,AA", ("image/png", "AA")),
        ("DATA:Image/PNG;Base64,AA", ("image/png", "AA")),
        ("data:image/png;charset=utf-8;base64,AA", ("image/png", "AA")),
        ("data:image/jpg;base64,AA", ("image/jpeg", "AA")),
        ("data:;base64,AA", ("", "AA")),
        ("data:text/plain,h%C3%A9", ("text/plain", "aMOp")),
        ("data:image/png;base64", None),
        ("https://x/y,z", None),
    ],
)
def test_a_data_url_is_taken_apart(url: str, parts: tuple[str, str] | None) -> None:
    assert split_data_url(url) == parts


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.PDF", "application/pdf"),
        ("notes.txt", "text/plain"),
        ("https://x/cat.jpg?size=3#a", "image/jpeg"),
        ("https://x/cat?name=a.jpg", None),
        ("", None),
    ],
)
def test_a_name_tells_the_type_by_its_end(name: str, media_type: str | None) -> None:
    assert type_of_name(name) == media_type


@pytest.mark.parametrize(("data", "standard"), [("-__-", "+//+"), ("+//+", "+//+"), ("_w==", "/w=="), ("", "")])
def test_base64_of_either_alphabet_becomes_the_standard_one(data: str, standard: str) -> None:
    assert standard_base64(data) == standard


def test_only_http_urls_can_be_fetched() -> None:
    assert [is_http(url) for url in ("http://a", "HTTPS://a", "ftp://a", "data:a", None)] == [True, True, *[False] * 3]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (Document(text=""), ""),
        (Document(data=base64.b64encode(b"hi").decode(), media_type="text/csv"), "hi"),
        (Document(data=base64.b64encode(b"{}").decode(), media_type="application/json"), "{}"),
        (Document(data=base64.b64encode(b"\xff").decode(), media_type="text/plain"), None),
        (Document(data="!", media_type="text/plain"), None),
        (Document(data="JVBERi0=", media_type="application/pdf"), None),
        (Document(data="aGk="), None),
        (Document(url="https://x/a.txt", media_type="text/plain"), None),
    ],
)
def test_the_words_of_a_text_document_can_be_read(document: Document, text: str | None) -> None:
    assert text_of(document) == text
