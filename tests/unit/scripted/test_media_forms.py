"""Forms are taken apart strictly."""

import pytest

from entresol.scripted.media_forms import Part, check_fields, read_form, text_of
from entresol.scripted.script import Refusal
from unit.scripted.forms import WAV, form

TYPE = "multipart/form-data; boundary=bnd"


def test_a_form_is_its_parts_in_order() -> None:
    parts = read_form(TYPE, form(("model", None, "whisper-1"), WAV))
    assert parts == [Part("model", None, "", b"whisper-1"), Part("file", "a.wav", "", WAV[2])]
    assert (text_of(parts, "model"), text_of(parts, "stream", "false")) == ("whisper-1", "false")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", form(WAV)),
        (TYPE, b""),
        (TYPE, form(WAV)[:-6]),
        (TYPE, form(WAV, boundary="other")),
        (TYPE, form(WAV).replace(b"Content-Disposition: form-data", b"Content-Disposition: inline")),
        (TYPE, form(WAV).replace(b"\r\n\r\n", b"\r\n", 1)),
        (TYPE, b"preamble" + form(WAV)),
    ],
)
def test_a_malformed_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_form(content_type, body)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([("model", None, "m"), WAV, ("odd", None, "1")], "unknown_parameter"),
        ([("model", None, "m"), ("file", None, "text")], "invalid_type"),
        ([("model", "m.txt", "m"), WAV], "invalid_type"),
        ([("model", None, "m"), ("model", None, "n"), WAV], "duplicate_parameter"),
        ([WAV], "missing_required_parameter"),
        ([("model", None, "m")], "missing_required_parameter"),
    ],
)
def test_fields_are_checked_by_name_and_kind(parts: list[tuple[str, str | None, bytes | str]], code: str) -> None:
    read = read_form(TYPE, form(*parts))
    with pytest.raises(Refusal) as refused:
        check_fields(read, ("file",), ("model",), ())
    assert refused.value.code == code


def test_names_of_lists_may_come_again() -> None:
    parts: list[tuple[str, str | None, bytes | str]] = [
        ("model", None, "m"),
        WAV,
        ("g[]", None, "word"),
        ("g[]", None, "segment"),
    ]
    check_fields(read_form(TYPE, form(*parts)), ("file",), ("model",), ("g",))
