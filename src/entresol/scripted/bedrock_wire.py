"""The Bedrock wire: requests read into a prompt, replies written as Converse's answers and binary event streams."""

import base64
import struct
from binascii import crc32
from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
STOP: Final = {
    "stop": "end_turn",
    "sequence": "stop_sequence",
    "length": "max_tokens",
    "tools": "tool_use",
    "refusal": "content_filtered",
}
_FILES: Final = ("image", "document", "video", "audio")


def read_converse(body: Body, model: str) -> Prompt:
    """The prompt in a request that has passed the checks."""
    inference, config = body.get("inferenceConfig") or {}, body.get("toolConfig") or {}
    additional = body.get("additionalModelRequestFields") or {}
    own = additional.get("tool_choice") or {}
    wanted = (body.get("outputConfig") or {}).get("textFormat")
    reasons = (additional.get("thinking") or additional.get("reasoningConfig") or {}).get("type")
    prompt = Prompt(
        model=model,
        tools=[
            OfferedTool(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"])
            for tool in config.get("tools") or []
            if "toolSpec" in tool
        ],
        tool_choice=_choice(config.get("toolChoice") or {}, own),
        parallel=not own.get("disable_parallel_tool_use"),
        thinking=reasons in ("enabled", "adaptive"),
        schema=msgspec.json.decode(wanted["structure"]["jsonSchema"]["schema"]) if wanted else None,
        max_tokens=inference.get("maxTokens"),
        stops=inference.get("stopSequences") or [],
    )
    for tool in config.get("tools") or []:
        _count(tool, prompt)
    for block in body.get("system") or []:
        _count(block, prompt)
    _read_turns(body["messages"], prompt)
    return prompt


def _choice(choice: Body, own: Body) -> str:
    if "tool" in choice or own.get("type") == "tool":
        return f"={choice['tool']['name'] if 'tool' in choice else own['name']}"
    if "any" in choice or own.get("type") == "any":
        return "required"
    return "none" if own.get("type") == "none" else "auto"


def _count(block: Body, prompt: Prompt) -> None:
    """What is before a cache point is marked."""
    if "cachePoint" in block:
        prompt.marked_tokens = prompt.input_tokens
    elif "text" in block:
        prompt.input_tokens += tokens.count_text(block["text"])
    elif any(kind in block for kind in _FILES):
        prompt.input_tokens += tokens.IMAGE_TOKENS
    else:
        prompt.input_tokens += tokens.count_json(block)


def _read_turns(messages: list[Body], prompt: Prompt) -> None:
    names: dict[str, str] = {}
    for message in messages:
        texts: list[str] = []
        attachments: list[Attachment] = []
        outcomes: list[ToolOutcome] = []
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD
        for block in message["content"]:
            _count(block, prompt)
            if "toolUse" in block:
                names[block["toolUse"]["toolUseId"]] = block["toolUse"]["name"]
            elif "toolResult" in block:
                inner: list[str] = []
                for part in block["toolResult"]["content"]:
                    _read_block(part, inner, attachments)
                outcomes.append(ToolOutcome(names.get(block["toolResult"]["toolUseId"], ""), "\n".join(inner)))
            else:
                _read_block(block, texts, attachments)
        if message["role"] == "user":
            prompt.text, prompt.attachments, prompt.outcomes = "\n".join(texts), attachments, outcomes


def _read_block(block: Body, texts: list[str], attachments: list[Attachment]) -> None:
    if "text" in block:
        texts.append(block["text"])
    elif "json" in block:
        texts.append(msgspec.json.encode(block["json"]).decode())
    elif "guardContent" in block and "text" in block["guardContent"]:
        texts.append(block["guardContent"]["text"]["text"])
    for kind in _FILES:
        if kind in block:
            source = block[kind]["source"]
            size = len(media.decode_base64(source["bytes"])) if "bytes" in source else 0
            attachments.append(Attachment(kind, block[kind].get("format", "txt"), size))


def usage_of(prompt: Prompt, reply: Reply) -> Body:
    """Bedrock's buckets are disjoint: inputTokens leaves out what was read from or written to the cache."""
    cached = "scripted-cached" in prompt.model
    written, read = (0, prompt.marked_tokens) if cached else (prompt.marked_tokens, 0)
    output = reply.visible_tokens + reply.thinking_tokens
    usage: Body = {
        "inputTokens": prompt.input_tokens - prompt.marked_tokens,
        "outputTokens": output,
        "totalTokens": prompt.input_tokens + output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }
    if written:
        usage["cacheDetails"] = [{"ttl": "5m", "inputTokens": written}]
    return usage


def _content(reply: Reply, seed: bytes) -> list[Body]:
    content: list[Body] = []
    if reply.thinking:
        signature = base64.b64encode(tokens.derived_id("sig", 32, seed).encode()).decode()
        content.append({"reasoningContent": {"reasoningText": {"text": reply.thinking, "signature": signature}}})
    if reply.text:
        content.append({"text": reply.text})
    for position, call in enumerate(reply.calls):
        use = {"toolUseId": tokens.derived_id("tooluse_", 22, seed, position), "name": call.name}
        content.append({"toolUse": {**use, "input": call.arguments}})
    return content


def _end(body: Body, reply: Reply) -> Body:
    end: Body = {"stopReason": STOP[reply.stop]}
    if "/stop_sequence" in (body.get("additionalModelResponseFieldPaths") or []):
        end["additionalModelResponseFields"] = {"stop_sequence": reply.stop_sequence}
    return end


def converse_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """A ConverseResponse."""
    return {
        "metrics": {"latencyMs": 42},
        "output": {"message": {"role": "assistant", "content": _content(reply, seed)}},
        **_end(body, reply),
        "usage": usage_of(prompt, reply),
    }


def converse_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The messages of a ConverseStream; like the real ones they are padded."""
    frames = [event("messageStart", {"p": "abcd", "role": "assistant"})]
    for index, block in enumerate(_content(reply, seed)):
        if "toolUse" in block:
            use = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            frames.append(
                event("contentBlockStart", {"contentBlockIndex": index, "p": "ab", "start": {"toolUse": use}})
            )
        frames += [
            event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abcdefgh"})
            for delta in _deltas(block)
        ]
        frames.append(event("contentBlockStop", {"contentBlockIndex": index, "p": "abc"}))
    frames.append(event("messageStop", {"p": "abcde", **_end(body, reply)}))
    metadata = {"metrics": {"latencyMs": 42}, "p": "abcdef", "usage": usage_of(prompt, reply)}
    return [*frames, event("metadata", metadata)]


def _deltas(block: Body) -> list[Body]:
    if "text" in block:
        return [{"text": piece} for piece in tokens.pieces(block["text"])]
    if "toolUse" in block:
        text = msgspec.json.encode(block["toolUse"]["input"]).decode()
        pieces = ["", *(text[start : start + 8] for start in range(0, len(text), 8))] if text != "{}" else []
        return [{"toolUse": {"input": piece}} for piece in pieces]
    reasoning = block["reasoningContent"]["reasoningText"]
    deltas: list[Body] = [{"reasoningContent": {"text": piece}} for piece in tokens.pieces(reasoning["text"])]
    return [*deltas, {"reasoningContent": {"signature": reasoning["signature"]}}]


def invoke_frames(events: list[Body], prompt: Prompt, reply: Reply) -> list[bytes]:
    """The chunks of an InvokeModelWithResponseStream: the model's own events, the last one with Bedrock's counts."""
    usage = usage_of(prompt, reply)
    metrics = {
        "inputTokenCount": usage["inputTokens"],
        "outputTokenCount": usage["outputTokens"],
        "invocationLatency": 42,
        "firstByteLatency": 21,
        "cacheReadInputTokenCount": usage["cacheReadInputTokens"],
        "cacheWriteInputTokenCount": usage["cacheWriteInputTokens"],
    }
    chunks = [*events[:-1], {**events[-1], "amazon-bedrock-invocationMetrics": metrics}]
    return [
        event("chunk", {"bytes": base64.b64encode(msgspec.json.encode(chunk)).decode(), "p": "ab"}) for chunk in chunks
    ]


def event(kind: str, value: object) -> bytes:
    """One message of an event stream."""
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, value)


def exception(kind: str, message: str) -> bytes:
    """A message that ends an event stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, {"message": message})


def frame(headers: dict[str, str], value: object) -> bytes:
    """A binary message; written here once more, so that no fault of the gateway's own writer can go unseen."""
    block = b"".join(
        struct.pack(f">B{len(name)}sBH{len(text)}s", len(name), name.encode(), 7, len(text), text.encode())
        for name, text in headers.items()
    )
    payload = value if isinstance(value, bytes) else msgspec.json.encode(value)
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    start = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return start + struct.pack(">I", crc32(start))
