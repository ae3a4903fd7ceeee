"""The turns of a plain chat request: each a role and a text, and no other text anywhere in the request.

Most requests are plain, and guards need a tenth of the time for them. It reads only what it is certain of; for all
else there is `prompt_text.read_prompts`, which overlooks nothing.
"""

from typing import Final

import msgspec

from entresol.llm.json_fields import Fields, encode_json
from entresol.llm.plain_turn import PlainTurn, decode_turns
from entresol.llm.prompt_text import ESCAPED_LETTER

WITHOUT_TEXT: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "temperature", "top_p", "top_k", "max_tokens",
     "max_completion_tokens", "n", "stop", "stop_sequences", "seed", "user", "presence_penalty", "frequency_penalty",
     "logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "service_tier", "safety_identifier",
     "prompt_cache_key", "store", "verbosity", "parallel_tool_calls", "tool_choice", "tools", "response_format",
     "metadata", "modalities")
)  # fmt: skip
"""Top-level fields that hold no prompt, beside `messages`."""


def plain_turns(body: bytes, fields: Fields, is_rewritten: bool) -> list[PlainTurn] | None:
    """The turns, oldest first; None: the request is not plain, or not certainly so.

    `fields` is the top level of `body`; `is_rewritten` says that `body` was encoded from them.
    """
    messages = fields.get("messages")
    if messages is None or not WITHOUT_TEXT.issuperset(fields):
        return None
    try:
        turns = decode_turns(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # What is as long when written again has no repeated key and no second spelling of one: parsers agree on it.
    if (is_rewritten or encode_json(fields) == body) and len(encode_json(turns)) == memoryview(messages).nbytes:
        return turns
    return turns if _has_each_key_once(body, len(turns)) else None


def _has_each_key_once(body: bytes, turns: int) -> bool:
    """For bodies with white space, or keys in another order: count the quoted keys. Too many may also be texts."""
    return (
        body.count(b'"messages"') == 1
        and body.count(b'"content"') == turns
        and body.count(b'"role"') == turns
        and ESCAPED_LETTER.search(body) is None
    )
