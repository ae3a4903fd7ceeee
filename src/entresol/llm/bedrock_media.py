"""Files in Bedrock's words: a short format instead of a media type.

Source: service model `bedrock-runtime` (2023-09-30), `ImageFormat`, `DocumentFormat`, `VideoFormat`, `AudioFormat`.
"""

import re
from typing import Final

IMAGES: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/json": "txt",
}
VIDEOS: Final = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/mpg": "mpg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
AUDIOS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
    "audio/ogg": "ogg",
    "audio/x-matroska": "mkv",
    "audio/x-aac": "x-aac",
    "audio/m4a": "m4a",
    "audio/pcm": "pcm",
    "audio/webm": "webm",
}
_TYPES: Final = {
    kind: {word: media_type for media_type, word in reversed(words.items())}
    for kind, words in (("image", IMAGES), ("document", DOCUMENTS), ("video", VIDEOS), ("audio", AUDIOS))
}
_BAD: Final = re.compile(r"[^a-zA-Z0-9 ()\[\]-]+")
_SPACES: Final = re.compile(r" {2,}")
_ENDING: Final = re.compile(r"\.[a-zA-Z0-9]{1,5}$")
_LONGEST_NAME: Final = 200


def media_type_of(kind: str, word: str) -> str:
    """The media type of a format in a block of `kind`; one that is new stands for itself."""
    return _TYPES[kind].get(word) or f"{'application' if kind == 'document' else kind}/{word}"


def document_name(name: str | None, taken: dict[str, int]) -> str:
    """A document's name as Bedrock takes it: letters, digits, single spaces, hyphens and brackets, once a request.

    Adds it to `taken`, which says how often a name was wanted.
    """
    plain = _SPACES.sub(" ", _BAD.sub("-", _ENDING.sub("", name or ""))).strip(" -")[:_LONGEST_NAME].strip()
    plain = plain or "document"
    found = plain
    while found in taken:
        taken[plain] += 1
        found = f"{plain[: _LONGEST_NAME - 8]} {taken[plain]}"
    taken[found] = 1
    return found
