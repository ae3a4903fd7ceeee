"""The OpenAI wire: requests read into a prompt, replies written as chat completions, completions and embeddings."""

import base64
import struct
from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.embedding import vector_of
from entresol.scripted.openai_checks import bad_request
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
CREATED: Final = 1_767_225_600
"""Every answer was made at this second (2026-01-01), so that equal requests have equal answers."""
DONE: Final = b"data: [DONE]\n\n"
FINISH: Final = {
    "stop": "stop",
    "sequence": "stop",
    "length": "length",
    "tools": "tool_calls",
    "refusal": "stop",
}
_AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def read_chat(body: Body) -> Prompt:
    """The prompt in a chat request that has passed the checks. Raises Refusal for bad media."""
    response_format = body.get("response_format") or {"type": "text"}
    schema: dict[str, object] | None = None
    if response_format["type"] == "json_schema":
        schema = response_format["json_schema"].get("schema") or {}
    elif response_format["type"] == "json_object":
        schema = {}
    stop = body.get("stop") or []
    prompt = Prompt(
        model=body["model"],
        tools=[
            OfferedTool(tool["function"]["name"], tool["function"].get("parameters") or {})
            for tool in body.get("tools") or []
            if tool["type"] == "function"
        ],
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        thinking=body.get("reasoning_effort") not in (None, "none"),
        schema=schema,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stops=[stop] if isinstance(stop, str) else list(stop),
    )
    prompt.input_tokens = tokens.count_json(body["tools"]) if body.get("tools") else 0
    _read_messages(body["messages"], prompt)
    if "scripted-cached" in prompt.model:
        prompt.marked_tokens = prompt.input_tokens // 2
    return prompt


def _tool_choice(choice: Any) -> str:
    if isinstance(choice, dict):
        if choice["type"] == "allowed_tools":
            return str(choice["allowed_tools"]["mode"])
        return f"={choice[choice['type']]['name']}"
    return choice or "auto"


def _read_messages(messages: list[Body], prompt: Prompt) -> None:
    names: dict[str, str] = {}
    for index, message in enumerate(messages):
        text, attachments = _content(message.get("content"), index)
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD + tokens.count_text(text)
        prompt.input_tokens += tokens.IMAGE_TOKENS * len(attachments)
        for call in message.get("tool_calls") or []:
            prompt.input_tokens += tokens.count_json(call[call["type"]])
            names[call["id"]] = call[call["type"]]["name"]
        if message["role"] == "user":
            prompt.text, prompt.attachments, prompt.outcomes = text, attachments, []
        elif message["role"] == "tool":
            prompt.outcomes = [*prompt.outcomes, ToolOutcome(names[message["tool_call_id"]], text)]
        elif message["role"] == "assistant":
            prompt.outcomes = []


def _content(content: Any, index: int) -> tuple[str, list[Attachment]]:
    if not isinstance(content, list):
        return content or "", []
    texts: list[str] = []
    attachments: list[Attachment] = []
    for position, part in enumerate(content):
        if part["type"] in ("text", "refusal"):
            texts.append(part[part["type"]])
            continue
        try:
            attachments.append(_attachment(part))
        except media.BadMedia as problem:
            raise bad_request(
                f"Invalid file data: {problem}.", f"messages[{index}].content[{position}]", "invalid_base64"
            ) from problem
    return "\n".join(texts), attachments


def _attachment(part: Body) -> Attachment:
    if part["type"] == "input_audio":
        audio = part["input_audio"]
        media_type = _AUDIO_TYPES[audio["format"]]
        return Attachment("audio clip", media_type, len(media.decode_media(audio["data"], media_type)))
    return _document(part["file"]) if part["type"] == "file" else _image(part["image_url"]["url"])


def _image(url: str) -> Attachment:
    split = media.split_data_url(url)
    if split is None:
        if not url.startswith(("http://", "https://")):
            raise media.BadMedia("neither a URL nor base64 data")
        return Attachment("image", "unknown type", 0)
    media_type, data = split
    if media_type not in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        raise media.BadMedia(f"unsupported image type {media_type}")
    return Attachment("image", media_type, len(media.decode_media(data, media_type)))


def _document(file: Body) -> Attachment:
    """Source: OpenAI's guide "File inputs": chat completions take PDF only, as base64 or as an upload."""
    data = file.get("file_data")
    if (data is None) == (file.get("file_id") is None):
        raise media.BadMedia("exactly one of file_data and file_id is needed")
    if data is None:
        return Attachment("document", "unknown type", 0)
    split = media.split_data_url(data)
    if split is None or split[0] != "application/pdf":
        raise media.BadMedia("expected a base64-encoded data URL with an application/pdf MIME type")
    return Attachment("document", split[0], len(media.decode_media(split[1], split[0])))


def usage_of(prompt: Prompt, reply: Reply, choices: int = 1) -> Body:
    """OpenAI counts cached and reasoning tokens inside the totals."""
    completion = (reply.visible_tokens + reply.thinking_tokens) * choices
    return {
        "prompt_tokens": prompt.input_tokens,
        "completion_tokens": completion,
        "total_tokens": prompt.input_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": prompt.marked_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reply.thinking_tokens * choices,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _tool_calls(reply: Reply, seed: bytes) -> list[Body]:
    return [
        {
            "id": tokens.derived_id("call_", 24, seed, position),
            "type": "function",
            "function": {"name": call.name, "arguments": msgspec.json.encode(call.arguments).decode()},
        }
        for position, call in enumerate(reply.calls)
    ]


def _logprobs(text: str, top: int) -> Body:
    def entry(token: str) -> Body:
        return {"token": token, "logprob": -0.125, "bytes": list(token.encode())}

    return {
        "content": [{**entry(token), "top_logprobs": [entry(token)] if top else []} for token in tokens.pieces(text)],
        "refusal": None,
    }


def chat_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """A `chat.completion` object."""
    count = body.get("n") or 1
    message: Body = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.stop == "refusal":
        message |= {"content": None, "refusal": "I can't help with that."}
    if reply.calls:
        message |= {"content": None, "tool_calls": _tool_calls(reply, seed)}
    logprobs = _logprobs(reply.text, body.get("top_logprobs") or 0) if body.get("logprobs") else None
    return {
        "id": tokens.derived_id("chatcmpl-", 29, seed),
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {"index": index, "message": message, "logprobs": logprobs, "finish_reason": FINISH[reply.stop]}
            for index in range(count)
        ],
        "usage": usage_of(prompt, reply, count),
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def chat_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The events of a streamed chat completion, `[DONE]` last."""
    count = body.get("n") or 1
    options = body.get("stream_options") or {}
    with_usage = options.get("include_usage") is True
    base: Body = {
        "id": tokens.derived_id("chatcmpl-", 29, seed),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }
    if with_usage:
        base["usage"] = None

    def chunk(delta: Body, index: int, finish: str | None = None, logprobs: Body | None = None) -> Body:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**base, "choices": [choice]}

    chunks: list[Body] = [chunk({"role": "assistant", "content": "", "refusal": None}, i) for i in range(count)]
    for delta in _deltas(reply, seed):
        top = body.get("top_logprobs") or 0
        logprobs = _logprobs(delta["content"], top) if body.get("logprobs") and "content" in delta else None
        chunks += [chunk(delta, index, logprobs=logprobs) for index in range(count)]
    chunks += [chunk({}, index, FINISH[reply.stop]) for index in range(count)]
    if with_usage:
        chunks.append({**base, "choices": [], "usage": usage_of(prompt, reply, count)})
    return [frame(value) for value in chunks] + [DONE]


def _deltas(reply: Reply, seed: bytes) -> list[Body]:
    if reply.stop == "refusal":
        return [{"refusal": "I can't help with that."}]
    deltas: list[Body] = [{"content": piece} for piece in tokens.pieces(reply.text)]
    for position, call in enumerate(_tool_calls(reply, seed)):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "index": position, "function": {**function, "arguments": ""}}]})
        arguments = function["arguments"]
        for start in range(0, len(arguments), 8):
            part = {"index": position, "function": {"arguments": arguments[start : start + 8]}}
            deltas.append({"tool_calls": [part]})
    return deltas


def frame(value: object) -> bytes:
    """One data-only event."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def completion_prompt(body: Body) -> Prompt:
    """The prompt of a legacy completion; of several prompts the first decides."""
    prompt_text = body["prompt"]
    if isinstance(prompt_text, list):
        prompt_text = prompt_text[0] if isinstance(prompt_text[0], str) else f"{len(prompt_text)} tokens"
    stop = body.get("stop") or []
    prompt = Prompt(
        model=body["model"],
        text=prompt_text,
        max_tokens=16 if body.get("max_tokens") is None else body["max_tokens"],
        stops=[stop] if isinstance(stop, str) else list(stop),
    )
    prompt.input_tokens = tokens.count_text(prompt_text)
    return prompt


def completion_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """A `text_completion` object."""
    count = body.get("n") or 1
    text = prompt.text + reply.text if body.get("echo") else reply.text
    return {
        "id": tokens.derived_id("cmpl-", 29, seed),
        "object": "text_completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {"text": text, "index": index, "logprobs": None, "finish_reason": FINISH[reply.stop]}
            for index in range(count)
        ],
        "usage": usage_of(prompt, reply, count),
    }


def completion_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The events of a streamed completion, `[DONE]` last."""
    whole = completion_answer(body, prompt, reply, seed)
    usage = whole.pop("usage")
    frames: list[Body] = []
    for choice in whole["choices"]:
        running = {**choice, "finish_reason": None}
        frames += [{**whole, "choices": [{**running, "text": piece}]} for piece in tokens.pieces(choice["text"])]
        frames.append({**whole, "choices": [{**choice, "text": ""}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        frames.append({**whole, "choices": [], "usage": usage})
    return [frame(value) for value in frames] + [DONE]


def embedding_answer(body: Body) -> Body:
    """A list of embeddings, floats or base64 as asked."""
    given = body["input"]
    inputs = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    size = body.get("dimensions") or 8
    data: list[Body] = []
    total = 0
    for index, item in enumerate(inputs):
        text = item if isinstance(item, str) else " ".join(map(str, item))
        total += tokens.count_text(text) if isinstance(item, str) else len(item)
        values = vector_of(text, size)
        vector: object = values
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    return {
        "object": "list",
        "data": data,
        "model": body["model"],
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
