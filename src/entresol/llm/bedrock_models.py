"""Which of Bedrock's models a name means, as far as requests differ.

Source: Amazon Bedrock User Guide, "Inference request parameters", "Prompt caching", "Extended thinking". Names are
model ids, with or without a region before them, and ARNs; that of an application's own inference profile tells nothing.
"""

import re
from functools import lru_cache
from typing import Final, Literal

Family = Literal["anthropic", "nova", "mistral", "cohere", "gpt-oss", "llama", "titan", "other"]

_FAMILIES: Final[tuple[tuple[re.Pattern[str], Family], ...]] = (
    (re.compile(r"anthropic\.|claude"), "anthropic"),
    (re.compile(r"amazon\.nova"), "nova"),
    (re.compile(r"mistral\."), "mistral"),
    (re.compile(r"cohere\."), "cohere"),
    (re.compile(r"openai\.gpt-oss"), "gpt-oss"),
    (re.compile(r"meta\.llama"), "llama"),
    (re.compile(r"amazon\.titan-text"), "titan"),
)
_OPAQUE: Final = re.compile(r"application-inference-profile/|provisioned-model/|custom-model|imported-model/|prompt/")
_OLD_CLAUDE: Final = re.compile(r"claude-(?:[v123]|instant)")
_NOVA_2: Final = re.compile(r"amazon\.nova-[2-9]")


@lru_cache(maxsize=256)
def family(model: str) -> Family:
    """Whose parameters a model takes."""
    for pattern, name in _FAMILIES:
        if pattern.search(model) is not None:
            return name
    return "other"


def takes_cache_points(model: str) -> bool:
    """Whether a request may say what to cache; so may one to a model whose name tells nothing."""
    return family(model) in ("anthropic", "nova") or _OPAQUE.search(model) is not None


def nova_reasons(model: str) -> bool:
    """Whether it is a Nova that thinks: since the second generation."""
    return _NOVA_2.search(model) is not None


def takes_own_tool_choice(model: str) -> bool:
    """Whether it takes Anthropic's choice of tools, which says more than Converse's: Claude does since its fourth."""
    return family(model) == "anthropic" and _OLD_CLAUDE.search(model) is None
