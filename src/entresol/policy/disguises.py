"""Text as it reads, where its characters hide what it says: what a pattern must see that a reader is not to be told.

Sources: Unicode Standard Annex 15 (normalization) and, for the letters that look alike, Unicode Technical Standard 39
(confusables): those of Cyrillic and Greek, and Latin's own with a stroke or without a dot. The table is short on
purpose: it undoes what people type to get past a filter, not everything that looks similar in some font.
"""

import re
import unicodedata
from functools import cache
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
"""Characters that change nothing a reader sees: a pattern must not miss a word because one stands in it."""

_CYRILLIC: Final = (
    "\u0430\u0432\u0435\u0437\u043a\u043c\u043d\u043e\u043f\u0440\u0433\u0441\u0442\u0443\u0445\u044c"
    "\u0455\u0456\u0458\u04bb\u04cf\u0501\u051b\u051d\u0475\u04af\u0493\u0461"
    "\u0410\u0412\u0415\u0417\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425"
    "\u0405\u0406\u0408\u04ba\u04c0\u0500\u051a\u051c\u0474\u04ae\u050c",
    "abe3kmhonprctyxbsijhldqwvyfwABE3KMHOPCTYXSIJHIDQWVYG",
)  # fmt: skip
_GREEK: Final = (
    "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c3\u03c2\u03c4\u03c5\u03c7\u03c9\u03b3\u03f3"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u037f",
    "abenikmvopoctuxwyjABEZHIKMNOPTYXJ",
)  # fmt: skip
_LATIN: Final = (
    "\u0131\u0237\u0142\u0141\u00f8\u00d8\u0111\u0110\u0127\u0126\u0167\u0166\u0180\u0251\u0261\u0269",
    "ijlLoOdDhHtTbagi",
)
LOOK_ALIKES: Final = {
    ord(letter): plain
    for letters, plains in (_CYRILLIC, _GREEK, _LATIN)
    for letter, plain in zip(letters, plains, strict=True)
}
"""Code point to the ASCII letter or digit that it passes for."""
_LOOKS: Final = re.compile(f"[{''.join(map(chr, LOOK_ALIKES))}]")
_FOLDS: Final = {code: chr(code) for code in range(0x530)} | LOOK_ALIKES  # `translate` is slow where it finds nothing


def undisguised(text: str) -> list[str]:
    """What a text that is not all ASCII may be meant to read as: the forms that differ from it and from each other.

    Compatibility characters as plain ones and no invisible ones; of that, without marks above and below the letters
    (first those that no letter of its own has, then all); of that, letters that look like ASCII's as ASCII's.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    bare = _unmarked(unicodedata.normalize("NFD", plain))
    folded = bare.translate(_FOLDS) if _LOOKS.search(bare) is not None else bare
    forms = (plain, _unmarked(plain), bare, folded)
    return [form for form in dict.fromkeys(forms) if form != text]


def _unmarked(text: str) -> str:
    low, high = marks()
    return high.sub("", low.sub("", text))


@cache
def marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Runs of marks that combine with a letter (categories Mn and Me): those of the basic plane, and the others.

    Takes milliseconds the first time. Apart, because `re` reads a set within the basic plane from a table and tries
    the ranges of any other set one by one, which the look ahead spares nearly every character.
    """
    found = [chr(code) for code in _MARKED if unicodedata.category(chr(code)) in ("Mn", "Me")]
    low = "".join([mark for mark in found if mark <= "\uffff"])
    high = "".join([mark for mark in found if mark > "\uffff"])
    return re.compile(f"[{low}]+"), re.compile(f"(?=[\U00010000-\U0010ffff])[{high}]")


_MARKED: Final = (*range(0x300, 0x3100), *range(0xA66F, 0xABF0), *range(0xFB1E, 0xFE30), *range(0x101FD, 0x1E94B))
"""Where Unicode has such marks, but for variation selectors, which are invisible."""
