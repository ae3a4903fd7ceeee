"""The turns of a plain chat request: each a role and a text, and no other text anywhere in the request.

Most requests are plain, and guards need a tenth of the time for them. It reads only what it is certain of; for all
else there is `prompt_text.read_prompts`, which overlooks nothing.
"""

from typing import Final, Literal

import msgspec

from entresol.llm.format import Fields, encode_json
from entresol.llm.prompt_text import ESCAPED_LETTER

WITHOUT_TEXT: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "temperature", "top_p", "top_k", "max_tokens",
     "max_completion_tokens", "n", "stop", "stop_sequences", "seed", "user", "presence_penalty", "frequency_penalty",
     "logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "service_tier", "safety_identifier",
     "prompt_cache_key", "store", "verbosity", "parallel_tool_calls", "tool_choice", "tools", "response_format",
     "metadata", "modalities")
)  # fmt: skip
"""Top-level fields that hold no prompt, beside `messages`."""


class PlainTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What one turn says."""

    role: Literal["user", "assistant", "system", "developer", "tool"]
    content: str


_decode: Final = msgspec.json.Decoder(list[PlainTurn]).decode


def plain_turns(body: bytes, fields: Fields, is_rewritten: bool) -> list[PlainTurn] | None:
    """The turns, oldest first; None: the request is not plain, or not certainly so.

    `fields` is the top level of `body`; `is_rewritten` says that `body` was encoded from them.
    """
    messages = fields.get("messages")
    if messages is None or not WITHOUT_TEXT.issuperset(fields) or not (body.isascii() or _is_utf8(body)):
        return None
    try:
        turns = _decode(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # What is the same when written again has no repeated key and no second spelling of one: parsers agree on it.
    if (is_rewritten or encode_json(fields) == body) and _has_no_more(bytes(messages), turns):
        return turns
    return turns if _has_each_key_once(body, len(turns)) else None


def _is_utf8(body: bytes) -> bool:
    """The top level is decoded without looking into strings."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_no_more(array: bytes, turns: list[PlainTurn]) -> bool:
    """Whether the turns are all that stands in the array: nothing came twice, so that one hid the other."""
    if 92 in array:  # a backslash: quotes may stand in texts, keys may be spelt with escapes
        return encode_json(turns) == array
    return array.count(b'"') == 8 * len(turns)  # two keys, two texts


def _has_each_key_once(body: bytes, turns: int) -> bool:
    """For bodies with white space, or keys in another order: count the quoted keys. Too many may also be texts."""
    return (
        body.count(b'"messages"') == 1
        and body.count(b'"content"') == turns
        and body.count(b'"role"') == turns
        and ESCAPED_LETTER.search(body) is None
    )
