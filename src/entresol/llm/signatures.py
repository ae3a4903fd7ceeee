"""Signed reasoning of one provider, carried through clients that speak another's format.

Anthropic and Gemini sign their reasoning, OpenAI encrypts it (Responses), and all want it back. In the canonical form a
reasoning signature names its maker, `maker:signature`. On the maker's own wire it stands bare; a client of another
format stores it as it is, an opaque string to it, and so it finds its way home. Signatures of tool calls and texts are
Gemini's alone and stay bare.
"""

from typing import Final

ANTHROPIC: Final = "anthropic"
GEMINI: Final = "gemini"
OPENAI: Final = "openai"
REDACTED: Final = "redacted:"
"""What its maker gave out encrypted goes to clients of other formats with this before the maker's name."""
_PREFIXES: Final = (f"{ANTHROPIC}:", f"{GEMINI}:", f"{OPENAI}:")


def signed_by(signature: str | None, maker: str) -> str | None:
    """A signature read from the wire of `maker`, with its maker's name unless it bears another's."""
    if not signature:
        return None
    return signature if signature.startswith(_PREFIXES) else f"{maker}:{signature}"


def for_provider(signature: str | None, maker: str) -> str | None:
    """The bare signature for `maker` itself; None when somebody else made it."""
    prefix = f"{maker}:"
    if signature is None or not signature.startswith(prefix):
        return None
    return signature[len(prefix) :]


def for_client(signature: str | None, maker: str) -> str | None:
    """The signature for a client that speaks `maker`'s format: bare if it is the maker's, else with its name."""
    bare = for_provider(signature, maker)
    return signature if bare is None else bare
