"""The names that every provider takes: of tools and of calls.

Source: OpenAI API reference, "Function name"; Anthropic API reference, `tools[].name` and `tool_use.id`; Bedrock's
ToolSpecification and ToolUseBlock. They differ only in how long one may be.
"""

import re
from typing import Final

_PLAIN: Final = re.compile(r"[a-zA-Z0-9_-]+")


def is_plain_name(name: str, longest: int) -> bool:
    """True for 1 to `longest` letters, digits, `_` and `-` of ASCII."""
    if len(name) > longest:
        return False
    # Most names are identifiers, too, which is cheaper to ask: requests of agents hold dozens.
    return (name.isidentifier() and name.isascii()) or _PLAIN.fullmatch(name) is not None
