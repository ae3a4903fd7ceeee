import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.image_size import image_size

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4)
FRAME = b"\xff\xc2\0\x11\x08" + (480).to_bytes(2) + (640).to_bytes(2)
JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x02\xff" + FRAME
WEBP = b"RIFF\0\0\0\0WEBP"


@pytest.mark.parametrize(
    "head",
    [
        PNG,
        b"GIF89a" + (640).to_bytes(2, "little") + (480).to_bytes(2, "little"),
        JPEG,
        WEBP + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"),
        WEBP + b"VP8L" + bytes(5) + (639 | 479 << 14).to_bytes(4, "little") + bytes(5),
        WEBP + b"VP8 " + bytes(10) + (640).to_bytes(2, "little") + (480).to_bytes(2, "little"),
    ],
)
def test_an_images_size_is_in_its_first_bytes(head: bytes) -> None:
    assert image_size(head) == (640, 480)


@pytest.mark.parametrize("head", [b"", b"BM", PNG[:20], JPEG[:-1], b"\xff\xd8\xff", WEBP, WEBP + b"????" + bytes(20)])
def test_without_a_size_there_is_none(head: bytes) -> None:
    assert image_size(head) is None


@given(st.sampled_from([PNG[:8], b"GIF87a", b"\xff\xd8", WEBP]), st.binary(max_size=200))
def test_broken_images_are_no_trouble(start: bytes, rest: bytes) -> None:
    found = image_size(start + rest)
    assert found is None or min(found) >= 0
