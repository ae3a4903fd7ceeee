import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.policy.disguises import LOOK_ALIKES, marks, undisguised


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("\uff50\uff41\uff53\uff53", "pass"),  # full width
        ("\U0001d429\U0001d41a\U0001d42c\U0001d42c", "pass"),  # mathematical
        ("pa\u200bss\u00ad", "pass"),  # invisible
        ("p\u0301a\u0308\u0323s\u20dds", "pass"),  # marks that make no letter of its own
        ("p\u00e1s\u0161", "pass"),  # and marks that do
        ("pa\U0001d167ss", "pass"),  # outside the basic plane
        ("\u0440\u0430ss", "pass"),  # Cyrillic
        ("\u03c1\u03b1ss", "pass"),  # Greek
        ("d\u0131\u0142\u00f8", "dilo"),  # Latin with a stroke or without a dot
        ("\u0440\u0301\u0430\u200b\u0455\uff53", "pass"),  # everything at once
        ("\u0406GNOR\u0415", "IGNORE"),
        (
            "\u043f\u0301\u0430\u0440\u043e\u043b\u044c",
            "\u043f\u0430\u0440\u043e\u043b\u044c",
        ),  # Russian
        ("\u043c\u043e\u0301\u0439", "\u043c\u043e\u0439"),  # whose own letters keep their marks
    ],
)
def test_what_a_text_is_meant_to_read_as_is_among_its_forms(text: str, meant: str) -> None:
    assert meant in undisguised(text)


@pytest.mark.parametrize("text", ["\u65e5\u672c\u8a9e", "\u2014", "\U0001f600"])
def test_what_hides_nothing_has_no_other_form(text: str) -> None:
    assert undisguised(text) == []


@given(st.text(max_size=30))
def test_forms_differ_and_the_last_has_no_mark_and_no_look_alike(text: str) -> None:
    forms = undisguised(text)
    assert text not in forms
    assert len(set(forms)) == len(forms)
    last = forms[-1] if forms else text
    assert not [letter for letter in last if unicodedata.category(letter) in ("Mn", "Me")]
    assert LOOK_ALIKES.keys().isdisjoint(map(ord, last))


def test_every_mark_that_unicode_knows_is_taken_off() -> None:
    low, high = marks()
    left = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Mn", "Me")
        and not (low if code < 0x10000 else high).match(chr(code))
        and undisguised(f"a{chr(code)}b")[-1] != "ab"
    ]
    assert left == []


def test_look_alikes_are_letters_of_other_scripts_and_become_ascii() -> None:
    assert all(plain.isascii() and plain.isalnum() and len(plain) == 1 for plain in LOOK_ALIKES.values())
    scripts = {unicodedata.name(chr(code)).partition(" ")[0] for code in LOOK_ALIKES}
    assert scripts == {"CYRILLIC", "GREEK", "LATIN"}
    capitals = {code for code in LOOK_ALIKES if chr(code).isupper()}
    assert all(LOOK_ALIKES[code].isupper() or LOOK_ALIKES[code].isdigit() for code in capitals)
