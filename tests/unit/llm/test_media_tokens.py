import base64

import pytest

from entresol.llm.media_tokens import Family, Kind, base64_tokens, image_tokens, unknown_tokens


@pytest.mark.parametrize(
    ("family", "size", "tokens"),
    [
        # OpenAI, "Images and vision": 1024 x 1024 is four tiles, 2048 x 4096 is six; 32-pixel patches where more
        ("openai", (1024, 1024), 1024),
        ("openai", (2048, 4096), 1536),
        ("openai", (512, 512), 256),
        ("openai", (100, 100), 255),
        # Anthropic, "Vision": 200 x 200 is 54, 1000 x 1000 is 1334, 1092 x 1092 is 1590
        ("anthropic", (200, 200), 54),
        ("anthropic", (1000, 1000), 1334),
        ("anthropic", (1092, 1092), 1590),
        ("anthropic", (8000, 8000), 4784),
        # Gemini, "Understand and count tokens": 258 up to 384 pixels, then per tile
        ("gemini", (384, 384), 258),
        ("gemini", (960, 540), 516),
        ("gemini", (8000, 8000), 2580),
        ("other", (100, 100), 2500),
    ],
)
def test_images_by_the_rules_of_their_provider(family: Family, size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(*size, family) == tokens


def test_an_image_without_pixels_has_an_estimate() -> None:
    assert image_tokens(0, 0, "openai") == 255


def coded(data: bytes) -> bytes:
    return base64.b64encode(data)


WAV = b"RIFF" + bytes(24) + (32_000).to_bytes(4, "little") + bytes(64_000)


@pytest.mark.parametrize(
    ("kind", "data", "family", "tokens"),
    [
        ("image", coded(b"GIF89a" + b"\x90\x01\x90\x01" + bytes(99)), "anthropic", 214),
        ("image", coded(b"no image"), "anthropic", 4784),
        ("image", b"no base64!", "anthropic", 4784),
        ("audio", coded(WAV), "gemini", 65),
        ("audio", coded(bytes(9_000)), "gemini", 72),
        ("audio", b"UklGR?", "gemini", 1),
        ("document", coded(bytes(25_001)), "gemini", 516),
    ],
)
def test_files_by_kind(kind: Kind, data: bytes, family: Family, tokens: int) -> None:
    assert base64_tokens(kind, data, family) == tokens


def test_references_have_an_estimate() -> None:
    assert unknown_tokens("image", "openai") == 1536
    assert unknown_tokens("audio", "openai") == 600
    assert unknown_tokens("document", "gemini") == 2580
