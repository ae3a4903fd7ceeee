"""Ollama's whole answers, of chats and of completions, in both directions.

Source: Ollama API reference; `ChatResponse`, `GenerateResponse` and `Metrics` of `api/types.go`.
"""

from entresol.llm.format import bad_field
from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.ollama_messages import answer_call
from entresol.llm.ollama_wire import (
    DONE_REASONS,
    Kind,
    finish_reason,
    read_logprobs,
    read_time,
    read_usage,
    write_logprobs,
    write_time,
    write_usage,
)
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    ChatResponse,
    Choice,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)


def read_answer(name: str, reader: ObjectReader, parts: list[Part], extra: JsonObject) -> ChatResponse:
    """The answer around what was said. `extra` is what is left of the message. Raises UpstreamError."""
    choice = Choice(parts=parts, extra={key: value for key, value in extra.items() if value is not None})
    has_calls = any(type(part) is ToolCall for part in parts)
    reason = reader.string("done_reason")
    if reader.boolean("done"):
        choice.finish_reason = finish_reason(reason, has_calls)
    logprobs = reader.take("logprobs")
    if isinstance(logprobs, list) and logprobs:
        choice.logprobs = read_logprobs([entry for entry in logprobs if isinstance(entry, dict)])
    response = ChatResponse(origin=name, model=reader.string("model") or "", choices=[choice])
    response.created = read_time(reader.string("created_at"))
    response.usage = read_usage(_counted(reader, "prompt_eval_count"), _counted(reader, "eval_count"))
    response.extra = {key: value for key, value in reader.rest().items() if value is not None}
    return response


def _counted(reader: ObjectReader, name: str) -> int | None:
    found = reader.take(name)
    return found if isinstance(found, int) else None


def write_answer(response: ChatResponse, name: str, kind: Kind, dropped: list[str]) -> JsonObject:
    """An answer for a client; what it cannot say is added to `dropped`. Raises UpstreamError if there is none."""
    if not response.choices:
        raise bad_field("choices", "the provider gave no answer")
    choice = response.choices[0]
    is_own = response.origin == name
    said = _write_parts(choice.parts, kind, dropped)
    if len(response.choices) > 1:
        dropped.append("choices[1:]")
    wire: JsonObject = {"model": response.model, "created_at": write_time(response.created)}
    if kind == "chat":
        wire["message"] = {"role": "assistant"} | said | (choice.extra if is_own else {})
    else:
        wire["response"] = said.pop("content")
        wire |= said
    if choice.finish_reason is None and is_own:
        wire["done"] = False
    else:
        reason = choice.finish_reason or "stop"
        is_refusal = reason == "stop" and any(type(part) is Refusal for part in choice.parts)
        wire |= {"done": True, "done_reason": DONE_REASONS["refusal" if is_refusal else reason]}
    if choice.logprobs is not None:
        wire["logprobs"] = write_logprobs(choice.logprobs)
    if response.usage is not None:
        wire |= write_usage(response.usage)
    if is_own:
        return wire | response.extra
    dropped += [] if choice.logprobs is None else lost_logprobs(choice.logprobs)
    dropped += ["stop_sequence"] if choice.stop_sequence is not None else []
    dropped += ["service_tier"] if response.service_tier not in (None, "default") else []
    dropped += [*choice.extra, *response.extra]
    return wire


def _write_parts(parts: list[Part], kind: Kind, dropped: list[str]) -> JsonObject:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[JsonObject] = []
    beside: JsonObject = {}
    lost: list[str] = []
    for part in parts:
        if type(part) is Text or type(part) is Refusal:
            texts.append(part.text)
        elif type(part) is Thinking:
            thoughts.append(part.text)
            lost += [] if part.redacted is None else ["signature"]
        elif type(part) is ToolCall and kind == "chat":
            calls.append(answer_call(part, len(calls)))
        elif type(part) is Image and kind == "generate" and part.data is not None and not beside:
            beside["image"] = part.data
            lost += [] if part.signature is None else ["signature"]
        else:
            lost.append(part.type if type(part) is Native else type(part).__name__.lower())
        if (type(part) is Text or type(part) is Thinking or type(part) is ToolCall) and part.signature is not None:
            lost.append("signature")
        if type(part) is not Native:
            lost += part.extra
    dropped += dict.fromkeys(lost)
    wire: JsonObject = {"content": "".join(texts)}
    if any(thoughts):
        wire["thinking"] = "".join(thoughts)
    if calls:
        wire["tool_calls"] = calls
    return wire | beside
