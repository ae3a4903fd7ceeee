"""Log probabilities as OpenAI's completions have them: lists side by side, where chats have a list of tokens.

Source: OpenAI API reference, "The completion object", `logprobs`.
"""

import msgspec

from entresol.llm.format import bad_field
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.types import JsonObject


class _Lists(msgspec.Struct):
    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None


class _Likely(msgspec.Struct):
    token: str
    logprob: float = 0.0


class _Token(_Likely):
    top_logprobs: list[_Likely] = []


def read_logprobs(wire: JsonObject) -> JsonObject:
    """The canonical form, that of chats. The first token of an echoed prompt has no probability: it gets 0."""
    try:
        lists = msgspec.convert(wire, _Lists)
    except msgspec.ValidationError as error:
        raise bad_field("choices[].logprobs", str(error)) from error
    content: list[JsonObject] = []
    for at, (token, logprob) in enumerate(zip(lists.tokens, lists.token_logprobs, strict=False)):
        others = lists.top_logprobs[at] if lists.top_logprobs is not None and at < len(lists.top_logprobs) else None
        top: list[JsonObject] = [{"token": each, "logprob": likely} for each, likely in (others or {}).items()]
        content.append({"token": token, "logprob": logprob or 0.0, "top_logprobs": top})
    return {"content": content}


def write_logprobs(logprobs: JsonObject, dropped: list[str], offset: int = 0) -> JsonObject:
    """The lists. `offset` is where the first token stands in the text, in characters."""
    dropped += lost_logprobs(logprobs)
    try:
        content = msgspec.convert(logprobs.get("content") or [], list[_Token])
    except msgspec.ValidationError as error:
        raise bad_field("choices[].logprobs.content", str(error)) from error
    offsets: list[int] = []
    for each in content:
        offsets.append(offset)
        offset += len(each.token)
    return {
        "tokens": [each.token for each in content],
        "token_logprobs": [each.logprob for each in content],
        "top_logprobs": [{other.token: other.logprob for other in each.top_logprobs} for each in content],
        "text_offset": offsets,
    }
