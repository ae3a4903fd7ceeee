"""What images, sound and documents cost in tokens, before a provider says so. Always rounded up.

Rules of OpenAI (guide "Images and vision": 85 tokens and 170 per tile of 512 pixels after scaling to 2048 and 768, or
patches of 32 pixels times a factor), Anthropic (guide "Vision": width times height by 750, after scaling down) and
Gemini (guide "Understand and count tokens": 258 tokens per tile of 768 pixels, 32 per second of sound, 258 per page).
"""

import binascii
from math import ceil
from typing import Final, Literal

from entresol.llm.image_size import image_size

Kind = Literal["image", "audio", "document"]
Family = Literal["openai", "anthropic", "gemini", "other"]

_HEAD: Final = 65_536
"""Characters of base64 in which an image's size is looked for."""
_IMAGE_MOST: Final[dict[str, int]] = {"openai": 1536, "anthropic": 4784, "gemini": 2580, "other": 2500}
"""What an image of unknown size is taken for."""
_AUDIO_PER_SECOND: Final[dict[str, int]] = {"openai": 10, "anthropic": 32, "gemini": 32, "other": 32}
_AUDIO_BYTES_PER_SECOND: Final = 4_000
"""Of speech in a compressed format at a low rate, 32 kbit/s: more bytes a second mean fewer tokens than estimated."""
_PAGE: Final[dict[str, int]] = {"openai": 2_500, "anthropic": 3_000, "gemini": 258, "other": 3_000}
"""Tokens of a page: its text and its picture."""
_PAGE_BYTES: Final = 25_000
"""Of a page in a PDF, on the low side."""


def base64_tokens(kind: Kind, text: bytes, family: Family) -> int:
    """Tokens of a file in base64."""
    size = len(text) * 3 // 4
    if kind == "audio":
        return ceil(_seconds(text, size) * _AUDIO_PER_SECOND[family])
    if kind == "document":
        return ceil(size / _PAGE_BYTES) * _PAGE[family]
    try:
        found = image_size(binascii.a2b_base64(text[: min(_HEAD, len(text) & ~3)]))
    except binascii.Error:
        found = None
    return unknown_tokens("image", family) if found is None else image_tokens(*found, family)


def unknown_tokens(kind: Kind, family: Family) -> int:
    """Tokens of a file of which only a reference is known."""
    if kind == "image":
        return _IMAGE_MOST[family]
    return _AUDIO_PER_SECOND[family] * 60 if kind == "audio" else _PAGE[family] * 10


def image_tokens(width: int, height: int, family: Family) -> int:
    """Tokens of an image of so many pixels."""
    if family == "anthropic":
        return min(ceil(width * height / 750), _IMAGE_MOST[family])
    if family == "gemini":
        if max(width, height) <= 384:
            return 258
        return min(ceil(width / 768) * ceil(height / 768) * 258, _IMAGE_MOST[family])
    if family == "openai":
        patches = min(ceil(width / 32) * ceil(height / 32), 1536)
        return max(_openai_tiles(width, height), patches)
    return _IMAGE_MOST[family]


def _openai_tiles(width: int, height: int) -> int:
    """`detail: high`, which `auto` may mean."""
    scale = min(1.0, 2048 / max(width, height, 1))
    scale *= min(1.0, 768 / max(min(width, height) * scale, 1))
    return 85 + 170 * max(ceil(width * scale / 512), 1) * max(ceil(height * scale / 512), 1)


def _seconds(text: bytes, size: int) -> float:
    """A WAV file says how many bytes a second has."""
    head = text[:64]
    if head.startswith(b"UklGR"):  # RIFF
        try:
            rate = int.from_bytes(binascii.a2b_base64(head[: len(head) & ~3])[28:32], "little")
        except binascii.Error:
            rate = 0
        if rate:
            return size / rate
    return size / _AUDIO_BYTES_PER_SECOND
