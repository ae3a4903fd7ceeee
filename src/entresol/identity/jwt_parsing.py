"""Read a JWT before anything in it is believed.

Sources: RFC 7515 §3.1 and §5.2 (compact serialization), RFC 7519 §4 (claims) and §7.2, RFC 8259.

What two readers might read in two ways is refused: names that occur twice, padding and letters that base64url does not
have, bits that count for nothing, unpaired surrogates, NaN.
"""

import binascii
import json
from functools import lru_cache
from typing import Any, Final, NoReturn

import msgspec

MAX_TOKEN_BYTES: Final = 16_384
MAX_HEADER_BYTES: Final = 4_096
MAX_DEPTH: Final = 16
MAX_KID_CHARACTERS: Final = 256
_FROM_URL: Final = bytes.maketrans(b"-_+/=\r\n", b"+/!!!!!")
"""To the letters of plain base64; those that it has and base64url has not become one that neither has."""


class MalformedToken(ValueError):
    """It is no JWT that could be checked. The message never holds any of it."""


class ParsedToken(msgspec.Struct, frozen=True):
    """A token's parts, none of them checked."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """`alg`; empty if it is no text."""
        value = self.header.get("alg")
        return value if isinstance(value, str) else ""

    @property
    def issuer(self) -> str:
        """`iss`; empty if it is no text."""
        value = self.claims.get("iss")
        return value if isinstance(value, str) else ""


def parse(token: bytes) -> ParsedToken:
    """Take it apart. Raises MalformedToken."""
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedToken(f"the token is larger than {MAX_TOKEN_BYTES} bytes")
    parts = token.split(b".")
    if len(parts) != 3:
        raise MalformedToken("the token does not have the three parts of a signed JWT")
    header, payload, signature = parts
    if len(header) > MAX_HEADER_BYTES:
        raise MalformedToken(f"the token's header is larger than {MAX_HEADER_BYTES} bytes")
    return ParsedToken(
        header=_read_header(header),
        claims=read_object(_decoded(payload), "payload"),
        signing_input=token[: len(header) + 1 + len(payload)],
        signature=_decoded(signature),
    )


@lru_cache(maxsize=256)
def _read_header(part: bytes) -> dict[str, Any]:
    """An issuer's tokens all have the same few headers. Nobody may change what is returned."""
    return read_object(_decoded(part), "header")


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """A JSON object in which no name occurs twice. Raises MalformedToken."""
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
    except MalformedToken:
        raise
    except (ValueError, RecursionError):
        raise MalformedToken(f"the token's {what} is no JSON") from None
    if not isinstance(value, dict):
        raise MalformedToken(f"the token's {what} is no JSON object")
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        _check_tree(value, 0)
    return value


def _decoded(part: bytes) -> bytes:
    """Base64url without padding, in the only form that encodes these bytes."""
    padded = part.translate(_FROM_URL) + b"=" * (-len(part) % 4)
    try:
        raw = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        raise MalformedToken("a part of the token is no base64url") from None
    if binascii.b2a_base64(raw, newline=False) != padded:
        raise MalformedToken("a part of the token has bits that count for nothing")
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedToken("a name occurs twice in the token")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise MalformedToken("the token has a number that JSON does not have")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _check_tree(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedToken(f"the token is nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise MalformedToken("the token has half a character") from None
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_tree(name, depth)
            _check_tree(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_tree(inner, depth + 1)
