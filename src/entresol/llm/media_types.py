"""What a file is: by its `data:` URL, its name, or the words it holds. For parts of all formats.

Source: RFC 2397 (data URLs), RFC 4648 (base64).
"""

import base64
import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

from entresol.llm.types import Document

PDF: Final = "application/pdf"
_BY_ENDING: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "pdf": PDF,
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
}
_WRONG_NAMES: Final = {"image/jpg": "image/jpeg"}
"""Types that do not exist, but are written often. Providers compare strictly."""


def split_data_url(url: str) -> tuple[str, str] | None:
    """Media type, without parameters, and base64 of a `data:` URL; None for any other URL."""
    head, comma, data = url[5:].partition(",")
    if url[:5].lower() != "data:" or not comma:
        return None
    media_type, *parameters = [word.strip() for word in head.lower().split(";")]
    if parameters[-1:] != ["base64"]:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return _WRONG_NAMES.get(media_type, media_type), data


def standard_base64(data: str) -> str:
    """Base64 in the alphabet that every provider reads. Google's clients write the URL-safe one (RFC 4648)."""
    return data.replace("-", "+").replace("_", "/")


def type_of_name(name: str) -> str | None:
    """The media type that the end of a file's name or of a URL's path tells."""
    path = name.partition("?")[0].partition("#")[0]
    return _BY_ENDING.get(path.rpartition(".")[2].lower())


def is_http(url: str | None) -> bool:
    """Whether a provider can fetch it."""
    return url is not None and url[:8].lower().startswith(("http://", "https://"))


def is_text(media_type: str | None) -> bool:
    """Whether files of this type are words."""
    return media_type is not None and (media_type.startswith("text/") or media_type == "application/json")


def text_of(document: Document) -> str | None:
    """The words of a document that is nothing but words in UTF-8; None for any other."""
    if document.text is not None or document.data is None or not is_text(document.media_type):
        return document.text
    try:
        return base64.b64decode(document.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
