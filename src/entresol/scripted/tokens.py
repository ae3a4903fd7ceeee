"""Token counts by a stated rule, and ids that look like the provider's but follow from the request alone."""

import hashlib

import msgspec

BYTES_PER_TOKEN = 4
MESSAGE_OVERHEAD = 3
"""Tokens a message costs besides its text."""
IMAGE_TOKENS = 85
"""Tokens of one image, audio clip or document, whatever its size."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def count_text(text: str) -> int:
    """Tokens of `text`: its UTF-8 bytes divided by four, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def count_json(value: object) -> int:
    """Tokens of a JSON value: those of its compact encoding. Tool definitions are counted so."""
    return -(-len(msgspec.json.encode(value)) // BYTES_PER_TOKEN)


def cut_to(text: str, tokens: int) -> str:
    """The longest beginning of `text` that has at most `tokens` tokens; never half a character."""
    return text.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def derived_id(prefix: str, length: int, *parts: bytes | str | int) -> str:
    """`prefix` and `length` letters and digits that depend on `parts` alone."""
    digest = hashlib.sha512()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    number = int.from_bytes(digest.digest(), "big")
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return prefix + "".join(letters)


def pieces(text: str) -> list[str]:
    """`text` in the pieces it streams in: words, each with the white space before it."""
    found: list[str] = []
    start = 0
    for index in range(1, len(text)):
        if text[index].isspace() and not text[index - 1].isspace():
            found.append(text[start:index])
            start = index
    if text:
        found.append(text[start:])
    return found
