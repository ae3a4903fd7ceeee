"""The Anthropic wire: requests read into a prompt, replies written as messages and as named events."""

import base64
from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.anthropic_checks import invalid
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
STOP: Final = {
    "stop": "end_turn",
    "sequence": "stop_sequence",
    "length": "max_tokens",
    "tools": "tool_use",
    "refusal": "refusal",
}


def read_messages(body: Body) -> Prompt:
    """The prompt in a request that has passed the checks. Raises Refusal for bad media."""
    choice = body.get("tool_choice") or {"type": "auto"}
    thinking = body.get("thinking") or {"type": "disabled"}
    output_format = (body.get("output_config") or {}).get("format")
    prompt = Prompt(
        model=body["model"],
        tools=[OfferedTool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or []],
        tool_choice={"any": "required", "tool": f"={choice.get('name')}"}.get(choice["type"], choice["type"]),
        parallel=not choice.get("disable_parallel_tool_use"),
        thinking=thinking["type"] in ("enabled", "adaptive"),
        schema=output_format["schema"] if output_format else None,
        max_tokens=body.get("max_tokens"),
        stops=body.get("stop_sequences") or [],
    )
    _count_prefix(body, prompt)
    _read_turns(body["messages"], prompt)
    return prompt


def _count_prefix(body: Body, prompt: Prompt) -> None:
    """Tools, then system, then messages: the order in which a cache marker covers what is before it."""
    for tool in body.get("tools") or []:
        prompt.input_tokens += tokens.count_json({key: value for key, value in tool.items() if key != "cache_control"})
        _mark(tool, prompt)
    for block in _blocks(body.get("system") or []):
        prompt.input_tokens += tokens.count_text(block["text"])
        _mark(block, prompt)


def _mark(block: Body, prompt: Prompt) -> None:
    if block.get("cache_control"):
        prompt.marked_tokens = prompt.input_tokens


def _blocks(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _read_turns(messages: list[Body], prompt: Prompt) -> None:
    names: dict[str, str] = {}
    previous = ""
    for index, message in enumerate(messages):
        role = message["role"]
        texts: list[str] = []
        attachments: list[Attachment] = []
        outcomes: list[ToolOutcome] = []
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD
        for position, block in enumerate(_blocks(message["content"])):
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            try:
                _read_block(block, texts, attachments, outcomes, names)
            except media.BadMedia as problem:
                where = f"messages.{index}.content.{position}.{block['type']}.source.base64"
                raise invalid(f"{where}: {problem}") from problem
            prompt.input_tokens += _block_tokens(block)
            _mark(block, prompt)
        if role == "user":
            if previous == "user":
                texts, attachments = [prompt.text, *texts], [*prompt.attachments, *attachments]
                outcomes = [*prompt.outcomes, *outcomes]
            prompt.text, prompt.attachments, prompt.outcomes = "\n".join(filter(None, texts)), attachments, outcomes
        if role != "system":
            previous = role


def _block_tokens(block: Body) -> int:
    if block["type"] in ("image", "document"):
        return tokens.IMAGE_TOKENS
    if block["type"] == "text":
        return tokens.count_text(block["text"])
    return tokens.count_json({key: value for key, value in block.items() if key != "cache_control"})


def _read_block(
    block: Body, texts: list[str], attachments: list[Attachment], outcomes: list[ToolOutcome], names: dict[str, str]
) -> None:
    kind = block["type"]
    if kind == "text":
        texts.append(block["text"])
    elif kind in ("image", "document"):
        attachments.append(_attachment(kind, block["source"]))
    elif kind == "tool_result":
        inner: list[str] = []
        for part in _blocks(block.get("content") or []):
            _read_block(part, inner, attachments, outcomes, names)
        outcomes.append(ToolOutcome(names.get(block["tool_use_id"], ""), "\n".join(inner)))


def _attachment(kind: str, source: Body) -> Attachment:
    if source["type"] == "base64":
        return Attachment(kind, source["media_type"], len(media.decode_media(source["data"], source["media_type"])))
    if source["type"] == "text":
        return Attachment(kind, source["media_type"], len(source["data"].encode()))
    if source["type"] == "url" and not source["url"].startswith(("http://", "https://")):
        raise media.BadMedia("only http and https URLs are supported")
    return Attachment(kind, "unknown type", 0)


def usage_of(prompt: Prompt, reply: Reply) -> Body:
    """Anthropic's buckets are disjoint: input_tokens leaves out what was read from or written to the cache."""
    cached = "scripted-cached" in prompt.model
    written = 0 if cached else prompt.marked_tokens
    return {
        "input_tokens": prompt.input_tokens - prompt.marked_tokens,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": prompt.marked_tokens if cached else 0,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": reply.visible_tokens + reply.thinking_tokens,
        "output_tokens_details": {"thinking_tokens": reply.thinking_tokens},
        "service_tier": "standard",
    }


def _content(reply: Reply, seed: bytes) -> list[Body]:
    content: list[Body] = []
    if reply.thinking:
        signature = base64.b64encode(tokens.derived_id("sig", 32, seed).encode()).decode()
        content.append({"type": "thinking", "thinking": reply.thinking, "signature": signature})
    if reply.text:
        content.append({"type": "text", "text": reply.text, "citations": None})
    content += [
        {
            "type": "tool_use",
            "id": tokens.derived_id("toolu_01", 22, seed, position),
            "name": call.name,
            "input": call.arguments,
        }
        for position, call in enumerate(reply.calls)
    ]
    return content


def message_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """A `message` object."""
    return {
        "id": tokens.derived_id("msg_01", 22, seed),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": _content(reply, seed),
        "stop_reason": STOP[reply.stop],
        "stop_sequence": reply.stop_sequence,
        "usage": usage_of(prompt, reply),
    }


def message_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The events of a streamed message."""
    whole = message_answer(body, prompt, reply, seed)
    usage = whole["usage"]
    started = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[Body] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        empty, deltas = _opened(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    final = {key: value for key, value in usage.items() if key not in ("service_tier", "cache_creation")}
    events += [{"type": "message_delta", "delta": delta, "usage": final}, {"type": "message_stop"}]
    return [frame(event["type"], event) for event in events]


def _opened(block: Body) -> tuple[Body, list[Body]]:
    """A block as it starts, and the deltas that fill it."""
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in tokens.pieces(block["text"])]
    if block["type"] == "thinking":
        deltas: list[Body] = [
            {"type": "thinking_delta", "thinking": piece} for piece in tokens.pieces(block["thinking"])
        ]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    text = msgspec.json.encode(block["input"]).decode()
    parts = ["", *(text[start : start + 8] for start in range(0, len(text), 8))]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]


def frame(event: str, value: object) -> bytes:
    """One named event."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
