"""Reads inline media: is it base64, and do the bytes look like the media type that is claimed?"""

import base64
import binascii

_SIGNATURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
    "audio/wav": (b"RIFF",),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
}


class BadMedia(Exception):
    """The data is not what it says."""


def decode_base64(data: str, url_safe: bool = False) -> bytes:
    """The decoded bytes; `url_safe`: also of the other alphabet, as protobuf's JSON takes it. Raises BadMedia."""
    try:
        return base64.b64decode(data.translate({45: 43, 95: 47}) if url_safe else data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMedia("not valid base64") from error


def decode_media(data: str, media_type: str, url_safe: bool = False) -> bytes:
    """The decoded bytes of a file of `media_type`. Raises BadMedia when its first bytes say otherwise."""
    decoded = decode_base64(data, url_safe)
    signatures = _SIGNATURES.get(media_type)
    if signatures is not None and not decoded.startswith(signatures):
        raise BadMedia(f"the data does not look like {media_type}")
    return decoded


def split_data_url(url: str) -> tuple[str, str] | None:
    """Media type and base64 text of a `data:` URL, or None for another URL. Raises BadMedia."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    media_type, semicolon, encoding = head.partition(";")
    if not comma or not semicolon or encoding != "base64" or not media_type:
        raise BadMedia("not a base64 data URL")
    return media_type, data
