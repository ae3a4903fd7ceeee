"""Secrets at rest."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import InternalError
from entresol.store.envelope import Envelope

KEY, OTHER = b"k" * 32, b"o" * 32
PLACE = ("issuers", "i1", "client_secret")


@given(st.text(), st.text(), st.text(), st.text())
def test_what_is_sealed_opens_again_in_its_place(table: str, record: str, field: str, text: str) -> None:
    envelope = Envelope({"a": KEY}, "a")
    assert envelope.open(table, record, field, envelope.seal(table, record, field, text)) == text


def test_a_sealed_text_shows_nothing_and_is_never_the_same_twice() -> None:
    envelope = Envelope({"a": KEY}, "a")
    first, second = envelope.seal(*PLACE, "hunter2"), envelope.seal(*PLACE, "hunter2")
    assert first != second
    assert first.startswith("v1.a.")
    assert "hunter2" not in first
    assert base64.b64encode(KEY).decode() not in repr(envelope)
    assert "kkk" not in repr(envelope)


@pytest.mark.parametrize(
    "place",
    [("users", "i1", "client_secret"), ("issuers", "i2", "client_secret"), ("issuers", "i1", "client_key")],
)
def test_a_sealed_text_cannot_be_moved(place: tuple[str, str, str]) -> None:
    envelope = Envelope({"a": KEY}, "a")
    with pytest.raises(InternalError, match="changed, moved"):
        envelope.open(*place, envelope.seal(*PLACE, "x"))


def test_a_changed_text_does_not_open() -> None:
    envelope = Envelope({"a": KEY}, "a")
    sealed = envelope.seal(*PLACE, "x" * 40)
    for at in range(len("v1.a."), len(sealed), 7):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(InternalError) as failed:
            envelope.open(*PLACE, changed)
        assert failed.value.code == "secret_unreadable"


@pytest.mark.parametrize("text", ["plain", "v1.a", "v1.a.", "v1.a.!!", "v2.a.AAAA", "v1..AAAA", "v1.a.AAAA", "."])
def test_what_is_no_sealed_text_does_not_open(text: str) -> None:
    with pytest.raises(InternalError) as failed:
        Envelope({"a": KEY}, "a").open(*PLACE, text)
    assert failed.value.code == "secret_unreadable"
    assert "issuers/i1.client_secret" in failed.value.message


def test_old_keys_open_and_the_current_one_seals() -> None:
    old = Envelope({"a": KEY}, "a").seal(*PLACE, "x")
    both = Envelope({"a": KEY, "b": OTHER}, "b")
    assert both.open(*PLACE, old) == "x"
    assert not both.is_current(old)
    assert both.is_current(both.seal(*PLACE, "x"))


def test_a_key_that_is_missing_is_named() -> None:
    sealed = Envelope({"a": KEY}, "a").seal(*PLACE, "x")
    with pytest.raises(InternalError, match="needs data key 'a'"):
        Envelope({"b": OTHER}, "b").open(*PLACE, sealed)


def test_an_empty_text_stays_empty() -> None:
    envelope = Envelope({"a": KEY}, "a")
    assert envelope.seal(*PLACE, "") == envelope.open(*PLACE, "") == ""
    assert envelope.is_current("")
