"""Cohere's wire: requests read into a prompt, replies written whole and streamed; vectors and ranks."""

import base64
import struct
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from entresol.scripted import tokens
from entresol.scripted.cohere_checks import check_image
from entresol.scripted.embedding import vector_of
from entresol.scripted.prompt import Attachment, Call, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
FINISH: Final = {
    "stop": "COMPLETE",
    "sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "tools": "TOOL_CALL",
    "refusal": "COMPLETE",
}
_REFUSAL: Final = "I can't help with that."
_PLAN: Final = "I will use the tools."
_PREAMBLE_TOKENS: Final = 60
"""Tokens of the model's own template, which nobody pays for."""


def read_chat(body: Body) -> Prompt:
    """The prompt in a chat that has passed the checks."""
    thinking, wanted = body.get("thinking"), body.get("response_format") or {}
    thinks = "reasoning" in body["model"] if thinking is None else thinking["type"] == "enabled"
    prompt = Prompt(
        model=body["model"],
        tools=[
            OfferedTool(each["function"]["name"], each["function"]["parameters"]) for each in body.get("tools") or []
        ],
        tool_choice={"REQUIRED": "required", "NONE": "none"}.get(body.get("tool_choice") or "", "auto"),
        thinking=thinks,
        schema=(wanted.get("json_schema") or {}) if wanted.get("type") == "json_object" else None,
        max_tokens=body.get("max_tokens"),
        stops=body.get("stop_sequences") or [],
        input_tokens=tokens.count_json(body["tools"]) if body.get("tools") else 0,
    )
    names: dict[str, str] = {}
    for message in body["messages"]:
        _read_message(message, prompt, names)
    documents = body.get("documents") or []
    prompt.attachments = [*prompt.attachments, *(_document(each) for each in documents)]
    prompt.input_tokens += sum(tokens.count_json(each) for each in documents)
    return prompt


def _read_message(message: Body, prompt: Prompt, names: dict[str, str]) -> None:
    content = message.get("content") or ""
    parts: list[Body] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    prompt.input_tokens += tokens.MESSAGE_OVERHEAD + tokens.count_text(text)
    role = message["role"]
    if role == "user":
        images = [check_image(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
        prompt.text, prompt.outcomes = text, []
        prompt.attachments = [Attachment("image", media_type, size) for media_type, size in images]
        prompt.input_tokens += tokens.IMAGE_TOKENS * len(images)
    elif role == "assistant":
        prompt.outcomes = []
        for call in message.get("tool_calls") or []:
            names[call["id"]] = call["function"]["name"]
            prompt.input_tokens += tokens.count_json(call["function"])
    elif role == "tool":
        said = [part["text"] if part["type"] == "text" else _words(part["document"]["data"]) for part in parts]
        outcome = ToolOutcome(names[message["tool_call_id"]], "\n".join(said))
        prompt.outcomes = [*prompt.outcomes, outcome]


def _words(data: object) -> str:
    """A document's data as the model reads it."""
    if isinstance(data, dict):
        return " ".join(
            value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in data.values()
        )
    return str(data)


def _document(document: str | Body) -> Attachment:
    text = document if isinstance(document, str) else _words(document["data"])
    return Attachment("document", "text/plain", len(text.encode()))


def _text_of(reply: Reply) -> str:
    return _REFUSAL if reply.stop == "refusal" else reply.text


def _call(call: Call, index: int, seed: bytes) -> Body:
    arguments = msgspec.json.encode(call.arguments).decode()
    identifier = tokens.derived_id(f"{call.name}_", 12, seed, index).lower()
    return {"id": identifier, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _citations(body: Body, text: str) -> list[Body]:
    """The first word, from each document there is."""
    mode = ((body.get("citation_options") or {}).get("mode") or "").lower()
    if not body.get("documents") or not text or mode in ("off", "disabled"):
        return []
    sources = []
    for index, document in enumerate(body["documents"]):
        data = {"text": document} if isinstance(document, str) else document["data"]
        identifier = f"doc:{index}" if isinstance(document, str) else document.get("id") or f"doc:{index}"
        known = data if isinstance(data, dict) else {"text": data}
        sources.append({"type": "document", "id": identifier, "document": {"id": identifier, **known}})
    word = text.split(" ", 1)[0]
    return [{"start": 0, "end": len(word), "text": word, "sources": sources, "type": "TEXT_CONTENT"}]


def _usage(prompt: Prompt, reply: Reply) -> Body:
    output = reply.visible_tokens + reply.thinking_tokens
    cached = prompt.input_tokens // 2 if "scripted-cached" in prompt.model else 0
    return {
        "billed_units": {"input_tokens": prompt.input_tokens, "output_tokens": output},
        "tokens": {"input_tokens": prompt.input_tokens + _PREAMBLE_TOKENS, "output_tokens": output},
        "cached_tokens": cached,
    }


def _logprob(piece: str) -> Body:
    return {"text": piece, "token_ids": [len(piece), 7], "logprobs": [-0.125, -0.25]}


def whole_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """An answer in one piece."""
    text = _text_of(reply)
    content: list[Body] = [{"type": "thinking", "thinking": reply.thinking}] if reply.thinking else []
    content += [{"type": "text", "text": text}] if text else []
    message: Body = {"role": "assistant"}
    if content:
        message["content"] = content
    if reply.calls:
        message["tool_plan"] = _PLAN
        message["tool_calls"] = [_call(call, index, seed) for index, call in enumerate(reply.calls)]
    cited = _citations(body, text)
    if cited:
        message["citations"] = cited
    answer: Body = {"id": answer_id(seed), "finish_reason": FINISH[reply.stop], "message": message}
    answer["usage"] = _usage(prompt, reply)
    if body.get("logprobs"):
        answer["logprobs"] = [_logprob(piece) for piece in tokens.pieces(text)]
    return answer


def answer_id(seed: bytes) -> str:
    """An id that follows from the request."""
    digits = tokens.derived_id("", 32, seed).lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def event_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The events of a stream: thinking, then text or a plan and calls, then the end."""
    start: Body = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events: list[Body] = [{"id": answer_id(seed), "type": "message-start", "delta": {"message": start}}]
    blocks = 0
    for kind, text in (("thinking", reply.thinking), ("text", _text_of(reply))):
        if not text:
            continue
        events.append(_event("content-start", blocks, {"content": {"type": kind, kind: ""}}))
        for piece in tokens.pieces(text):
            event = _event("content-delta", blocks, {"content": {kind: piece}})
            if body.get("logprobs") and kind == "text":
                event["logprobs"] = _logprob(piece)
            events.append(event)
        if kind == "text":
            for index, citation in enumerate(_citations(body, text)):
                events.append(_event("citation-start", index, {"citations": citation}))
                events.append({"type": "citation-end", "index": index})
        events.append({"type": "content-end", "index": blocks})
        blocks += 1
    events += _call_events(reply.calls, seed)
    delta = {"finish_reason": FINISH[reply.stop], "usage": _usage(prompt, reply)}
    events.append({"type": "message-end", "id": answer_id(seed), "delta": delta})
    return [*map(frame, events), b"data: [DONE]\n\n"]


def _call_events(calls: Sequence[Call], seed: bytes) -> list[Body]:
    if not calls:
        return []
    events: list[Body] = [
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in tokens.pieces(_PLAN)
    ]
    for index, call in enumerate(calls):
        wire = _call(call, index, seed)
        arguments = wire["function"]["arguments"]
        middle = len(arguments) // 2
        wire["function"]["arguments"] = ""
        events.append(_event("tool-call-start", index, {"tool_calls": wire}))
        pieces = (arguments[:middle], arguments[middle:])
        events += [
            _event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": each}}}) for each in pieces
        ]
        events.append({"type": "tool-call-end", "index": index})
    return events


def _event(kind: str, index: int, message: Body) -> Body:
    return {"type": kind, "index": index, "delta": {"message": message}}


def frame(event: Body) -> bytes:
    """One event of a stream."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))


def embed_answer(body: Body, seed: bytes) -> Body:
    """The answer of `/v2/embed`: vectors in each form that was asked for."""
    texts: list[str] = body.get("texts") or body.get("images") or [_joined(each["content"]) for each in body["inputs"]]
    size = body.get("output_dimension") or (1536 if "v4" in body["model"] else 1024)
    vectors = [vector_of(text, size) for text in texts]
    units: Body = {"input_tokens": sum(tokens.count_text(text) for text in texts)}
    answer: Body = {"id": answer_id(seed), "response_type": "embeddings_by_type"}
    answer["embeddings"] = {
        kind: [_as(kind, each) for each in vectors] for kind in body.get("embedding_types") or ["float"]
    }
    if body.get("texts"):
        answer["texts"] = body["texts"]
    if body.get("images"):
        units = {"images": len(texts), "image_tokens": tokens.IMAGE_TOKENS * len(texts)}
        answer["images"] = [{"width": 1, "height": 1, "format": "png", "bit_depth": 24} for _ in texts]
    answer["meta"] = {"api_version": {"version": "2"}, "billed_units": units}
    return answer


def _joined(parts: list[Body]) -> str:
    return " ".join(part["text"] if part["type"] == "text" else part["image_url"]["url"] for part in parts)


def _as(kind: str, vector: list[float]) -> object:
    """A vector in one of Cohere's forms."""
    if kind == "float":
        return vector
    if kind == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    if kind in ("int8", "uint8"):
        shift = 128 if kind == "uint8" else 0
        return [max(-128, min(127, round(number * 127))) + shift for number in vector]
    packed = [
        sum((number > 0) << (7 - bit) for bit, number in enumerate(vector[at : at + 8]))
        for at in range(0, len(vector), 8)
    ]
    return packed if kind == "ubinary" else [number - 128 for number in packed]


def ranked(query: str, documents: Sequence[str], top_n: int | None) -> list[tuple[int, float]]:
    """Places of the documents that answer best, and how well: the more words they share, the better."""
    wanted = vector_of(query, 64)
    scores = [
        (index, round((1 + sum(a * b for a, b in zip(wanted, vector_of(text, 64), strict=True))) / 2, 6))
        for index, text in enumerate(documents)
    ]
    return sorted(scores, key=lambda each: -each[1])[:top_n]


def rerank_answer(body: Body, seed: bytes) -> Body:
    """The answer of `/v2/rerank`."""
    results = [
        {"index": index, "relevance_score": score}
        for index, score in ranked(body["query"], body["documents"], body.get("top_n"))
    ]
    searches = -(-len(body["documents"]) // 100)
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": searches}}
    return {"id": answer_id(seed), "results": results, "meta": meta}
