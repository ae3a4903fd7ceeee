"""Files in Bedrock's words."""

import re

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.bedrock_media import AUDIOS, DOCUMENTS, IMAGES, VIDEOS, document_name, media_type_of


def words_of(shape: str) -> list[str]:
    found: list[str] = Session().get_service_model("bedrock-runtime").shape_for(shape).metadata["enum"]
    return found


SHAPES = (("ImageFormat", IMAGES), ("DocumentFormat", DOCUMENTS), ("VideoFormat", VIDEOS), ("AudioFormat", AUDIOS))


@pytest.mark.parametrize(("shape", "words"), SHAPES)
def test_every_word_is_one_of_the_service_models(shape: str, words: dict[str, str]) -> None:
    assert set(words.values()) <= set(words_of(shape))


@pytest.mark.parametrize(("shape", "words"), SHAPES)
def test_every_word_of_the_service_model_has_a_media_type(shape: str, words: dict[str, str]) -> None:
    kind = shape.removesuffix("Format").lower()
    for word in words_of(shape):
        media_type = media_type_of(kind, word)
        assert words.get(media_type, word) == word or media_type in ("video/mpeg", "audio/mpeg")


def test_the_usual_media_type_wins() -> None:
    assert media_type_of("audio", "mp3") == "audio/mpeg"
    assert media_type_of("audio", "wav") == "audio/wav"
    assert media_type_of("document", "txt") == "text/plain"


def test_a_new_word_stands_for_itself() -> None:
    assert media_type_of("image", "avif") == "image/avif"
    assert media_type_of("document", "odt") == "application/odt"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("report.pdf", "report"),
        ("Report (final) [2].docx", "Report (final) [2]"),
        ("a/b_c.d", "a-b-c"),
        ("two  spaces", "two spaces"),
        ("...", "document"),
        (None, "document"),
        ("", "document"),
        ("報告", "document"),
    ],
)
def test_a_name_becomes_one_that_is_taken(name: str | None, written: str) -> None:
    assert document_name(name, {}) == written


@given(st.lists(st.none() | st.text(max_size=250), max_size=10))
def test_names_are_taken_and_stand_once_in_a_request(names: list[str | None]) -> None:
    taken: dict[str, int] = {}
    written = [document_name(name, taken) for name in names]
    assert len(set(written)) == len(written)
    for name in written:
        assert re.fullmatch(r"(?!.*\s\s)[a-zA-Z0-9 ()\[\]-]{1,200}", name)


def test_many_documents_of_one_name_are_told_apart_in_linear_time() -> None:
    taken: dict[str, int] = {}
    assert len({document_name("a 2" if number % 2 else "a", taken) for number in range(20_000)}) == 20_000
