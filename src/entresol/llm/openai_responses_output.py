"""The answer in OpenAI's Responses: output items as parts, and parts as output items with ids.

Source: OpenAI API reference, "The response object", `output`.
"""

from typing import Final

from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.openai_responses_content import item_rest, read_content
from entresol.llm.openai_responses_facts import write_usage
from entresol.llm.openai_responses_items import call_item, drawn_item, read_call, read_drawn, signature_item
from entresol.llm.openai_responses_reasoning import read_reasoning, reasoning_item, seal
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Choice,
    FinishReason,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

_LONGEST_TAIL: Final = 40
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter", "pause": "max_messages"}
_PREFIXES: Final = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "image_generation_call": "ig",
}


# Reading.


def read_output(items: list[ObjectReader], choice: Choice) -> None:
    """Add the output items to a choice. What a provider's own tools did is native."""
    for item in items:
        kind = item.need_string("type")
        if kind == "message":
            item.take("role")
            choice.parts += [_read_words(part, choice) for part in read_content(item, "content")]
            choice.extra |= item_rest(item)
        elif kind == "reasoning":
            thought = read_reasoning(item)
            choice.parts += [] if thought is None else [thought]
        elif kind in ("function_call", "custom_tool_call"):
            choice.parts.append(read_call(item, kind == "custom_tool_call"))
        elif kind == "image_generation_call" and isinstance(item.peek("result"), str):
            choice.parts.append(read_drawn(item))
        else:
            choice.parts.append(Native(type=kind, value=dict(item.rest())))


def _read_words(part: Part, choice: Choice) -> Part:
    """A part of a message; its log probabilities belong to the choice."""
    if type(part) is Native:
        return Native(type=part.type, value={name: each for name, each in part.value.items() if name != "type"})
    logprobs = part.extra.pop("logprobs", None) if type(part) is Text else None
    if isinstance(logprobs, list):
        said = choice.logprobs = choice.logprobs or {"content": [], "refusal": None}
        content = said["content"]
        said["content"] = [*(content if isinstance(content, list) else []), *logprobs]
    return part


# Writing.


class ItemIds:
    """Ids of an answer's items, which follow from the answer's own."""

    def __init__(self, response_id: str) -> None:
        self._tail = response_id.removeprefix("resp_")[-_LONGEST_TAIL:] or "0"

    def of(self, kind: str, index: int) -> str:
        """The id of the item at `index` in `output`."""
        return f"{_PREFIXES.get(kind, 'item')}_{self._tail}_{index}"


def write_output(choice: Choice, response_id: str, is_own: bool, dropped: list[str]) -> list[JsonObject]:
    """`output`. What a client of this format does not know is dropped by name."""
    items: list[JsonObject] = []
    words: list[JsonObject] = []
    for part in choice.parts:
        if not is_own and type(part) is not Native:
            dropped += [name for name in part.extra if name not in dropped]
        if type(part) is Text or type(part) is Refusal:
            if type(part) is Text and part.signature is not None:
                dropped += ["thoughtSignature"] if "thoughtSignature" not in dropped else []
            words.append(_write_words(part, is_own))
            continue
        written = _write_item(part, is_own, dropped)
        if written and words:
            items.append(_message(words))
            words = []
        items += written
    if words or not items:
        items.append(_message(words))
    _add_logprobs(choice, items, dropped)
    ids = ItemIds(response_id)
    return [{"id": ids.of(str(item["type"]), index)} | item for index, item in enumerate(items)]


def _write_words(part: Text | Refusal, is_own: bool) -> JsonObject:
    if type(part) is Refusal:
        wire: JsonObject = {"type": "refusal", "refusal": part.text}
    else:
        wire = {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
    return wire | (part.extra if is_own else {})


def _message(words: list[JsonObject]) -> JsonObject:
    return {"type": "message", "status": "completed", "role": "assistant", "content": words}


def _write_item(part: Part, is_own: bool, dropped: list[str]) -> list[JsonObject]:
    beside = part.extra if is_own and type(part) is not Native else {}
    if type(part) is Thinking:
        return [reasoning_item(part.text, seal(part.signature, part.redacted)) | beside]
    if type(part) is ToolCall:
        call = call_item(part, part.id) | {"status": "completed"} | beside
        return [call] if part.signature is None else [signature_item(part.signature), call]
    if type(part) is Image and part.data is not None:
        if part.signature is not None and "thoughtSignature" not in dropped:
            dropped.append("thoughtSignature")
        return [drawn_item(part.data, part.media_type) | beside]
    if type(part) is Native and is_own:
        return [{"type": part.type} | part.value]
    dropped.append(part.type if type(part) is Native else type(part).__name__.lower())
    return []


def _add_logprobs(choice: Choice, items: list[JsonObject], dropped: list[str]) -> None:
    """Put log probabilities on the first text; those of a refusal have no place."""
    if choice.logprobs is None:
        return
    dropped += lost_logprobs(choice.logprobs)
    content = choice.logprobs.get("content")
    for item in items:
        parts = item.get("content")
        for part in parts if isinstance(parts, list) else []:
            if part.get("type") == "output_text":
                part["logprobs"] = whole_logprobs(content)
                return
    dropped.append("logprobs")


def whole_logprobs(content: object) -> list[JsonObject]:
    """Log probabilities with every field that clients of this format count on."""
    return [_whole_logprob(each) for each in content if isinstance(each, dict)] if isinstance(content, list) else []


def _whole_logprob(entry: JsonObject) -> JsonObject:
    others = entry.get("top_logprobs")
    top = [_with_bytes(each) for each in others if isinstance(each, dict)] if isinstance(others, list) else []
    return _with_bytes(entry) | {"top_logprobs": top}


def _with_bytes(entry: JsonObject) -> JsonObject:
    if isinstance(entry.get("bytes"), list):
        return entry
    return entry | {"bytes": list(str(entry.get("token") or "").encode())}


def response_object(
    identifier: str, model: str, created: int, tier: str | None, output: list[JsonObject], status: str
) -> JsonObject:
    """A response with every field that official clients count on."""
    return {
        "id": identifier,
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "store": False,
        "service_tier": tier,
        "usage": None,
    }


def finish(wire: JsonObject, reason: FinishReason, usage: Usage | None) -> None:
    """Say in a response why it ended, and what was used."""
    wire["status"] = "completed"
    if reason in _INCOMPLETE:
        wire["status"], wire["incomplete_details"] = "incomplete", {"reason": _INCOMPLETE[reason]}
    elif reason == "error":
        wire["status"] = "failed"
        wire["error"] = {"code": "server_error", "message": "the provider failed while generating"}
    wire["usage"] = None if usage is None else write_usage(usage)
