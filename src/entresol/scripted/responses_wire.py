"""The wire of OpenAI's Responses: requests read into a prompt, replies written as output items and as a stream."""

from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.openai_checks import bad_request
from entresol.scripted.openai_wire import CREATED
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome
from entresol.scripted.responses_checks import SEALED

Body = dict[str, Any]
REFUSAL: Final = "I can't help with that."
_IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
_ARGUMENTS_PIECE: Final = 8


def read_responses(body: Body) -> Prompt:
    """The prompt in a request that has passed the checks. Raises Refusal for bad media."""
    wanted = (body.get("text") or {}).get("format") or {"type": "text"}
    reasoning = body.get("reasoning") or {}
    tools = body.get("tools") or []
    prompt = Prompt(
        model=body["model"],
        tools=[OfferedTool(tool["name"], tool.get("parameters") or {}) for tool in tools if tool["type"] == "function"],
        tool_choice=_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        thinking=bool(reasoning) and reasoning.get("effort") != "none",
        schema={"json_schema": wanted.get("schema") or {}, "json_object": {}}.get(wanted["type"]),
        max_tokens=body.get("max_output_tokens"),
    )
    prompt.input_tokens = tokens.count_json(tools) if tools else 0
    prompt.input_tokens += tokens.count_text(body.get("instructions") or "")
    given = body["input"]
    _read_items([{"role": "user", "content": given}] if isinstance(given, str) else given, prompt)
    if "scripted-cached" in prompt.model:
        prompt.marked_tokens = prompt.input_tokens // 2
    return prompt


def _tool_choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return str(choice["mode"]) if choice["type"] == "allowed_tools" else f"={choice.get('name', '')}"
    return choice or "auto"


def _read_items(items: list[Body], prompt: Prompt) -> None:
    names: dict[str, str] = {}
    for index, item in enumerate(items):
        kind = item.get("type") or "message"
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD
        if kind in ("function_call", "custom_tool_call"):
            names[item["call_id"]] = item["name"]
            prompt.input_tokens += tokens.count_text(item.get("arguments") or item.get("input") or "")
            continue
        if kind not in ("message", "function_call_output", "custom_tool_call_output"):
            prompt.input_tokens += tokens.count_json(item)
            continue
        is_output = kind != "message"
        text, attachments = _content(item["output" if is_output else "content"], index)
        prompt.input_tokens += tokens.count_text(text) + tokens.IMAGE_TOKENS * len(attachments)
        if is_output:
            prompt.outcomes = [*prompt.outcomes, ToolOutcome(names[item["call_id"]], text)]
        elif item["role"] == "user":
            prompt.text, prompt.attachments, prompt.outcomes = text, attachments, []
        elif item["role"] == "assistant":
            prompt.outcomes = []


def _content(content: Any, index: int) -> tuple[str, list[Attachment]]:
    if not isinstance(content, list):
        return content or "", []
    texts: list[str] = []
    attachments: list[Attachment] = []
    for position, part in enumerate(content):
        if part["type"] in ("input_text", "output_text", "refusal"):
            texts.append(part.get("text") or part.get("refusal") or "")
            continue
        try:
            attachments.append(_image(part) if part["type"] == "input_image" else _file(part))
        except media.BadMedia as problem:
            where = f"input[{index}].content[{position}]"
            raise bad_request(f"Invalid file data: {problem}.", where, "invalid_base64") from problem
    return "\n".join(texts), attachments


def _image(part: Body) -> Attachment:
    url = part.get("image_url")
    if (url is None) == (part.get("file_id") is None):
        raise media.BadMedia("exactly one of image_url and file_id is needed")
    split = media.split_data_url(url or "")
    if split is None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise media.BadMedia("neither a URL nor base64 data")
        return Attachment("image", "unknown type", 0)
    media_type, data = split
    if media_type not in _IMAGES:
        raise media.BadMedia(f"unsupported image type {media_type}")
    return Attachment("image", media_type, len(media.decode_media(data, media_type)))


def _file(part: Body) -> Attachment:
    sources = [part.get(name) for name in ("file_data", "file_url", "file_id")]
    if sum(source is not None for source in sources) != 1:
        raise media.BadMedia("exactly one of file_data, file_url and file_id is needed")
    data = sources[0]
    if data is None:
        return Attachment("document", "unknown type", 0)
    split = media.split_data_url(data)
    if split is None:
        raise media.BadMedia("expected a base64-encoded data URL")
    if not part.get("filename"):
        raise media.BadMedia("filename is needed with file_data")
    return Attachment("document", split[0], len(media.decode_media(split[1], split[0])))


def usage_of(prompt: Prompt, reply: Reply) -> Body:
    """Cached and reasoning tokens are inside the totals."""
    output = reply.visible_tokens + reply.thinking_tokens
    return {
        "input_tokens": prompt.input_tokens,
        "input_tokens_details": {"cached_tokens": prompt.marked_tokens, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reply.thinking_tokens},
        "total_tokens": prompt.input_tokens + output,
    }


def output_of(body: Body, reply: Reply, seed: bytes) -> list[Body]:
    """`output`."""
    items: list[Body] = []
    if reply.thinking:
        shows = (body.get("reasoning") or {}).get("summary") is not None
        item: Body = {"id": tokens.derived_id("rs_", 48, seed), "type": "reasoning", "summary": []}
        if shows:
            item["summary"] = [{"type": "summary_text", "text": reply.thinking}]
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = tokens.derived_id(SEALED, 64, seed)
        items.append(item)
    for position, call in enumerate(reply.calls):
        items.append(
            {
                "id": tokens.derived_id("fc_", 48, seed, position),
                "type": "function_call",
                "status": "completed",
                "call_id": tokens.derived_id("call_", 24, seed, position),
                "name": call.name,
                "arguments": msgspec.json.encode(call.arguments).decode(),
            }
        )
    if not reply.calls:
        items.append(
            {
                "id": tokens.derived_id("msg_", 48, seed),
                "type": "message",
                "status": "incomplete" if reply.stop == "length" else "completed",
                "role": "assistant",
                "content": [_words(body, reply)],
            }
        )
    return items


def _words(body: Body, reply: Reply) -> Body:
    if reply.stop == "refusal":
        return {"type": "refusal", "refusal": REFUSAL}
    return {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": _logprobs(body, reply.text)}


def _logprobs(body: Body, text: str) -> list[Body]:
    if "message.output_text.logprobs" not in (body.get("include") or []):
        return []

    def entry(token: str) -> Body:
        return {"token": token, "logprob": -0.125, "bytes": list(token.encode())}

    top = body.get("top_logprobs") or 0
    return [{**entry(token), "top_logprobs": [entry(token)] if top else []} for token in tokens.pieces(text)]


def response_of(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """The whole response, as it is in the end."""
    response = _frame_of(body, seed)
    response |= {"status": "completed", "output": output_of(body, reply, seed), "usage": usage_of(prompt, reply)}
    if reply.stop == "length":
        response |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return response


def queued_response(body: Body, seed: bytes) -> Body:
    """What a request in the background gets at once."""
    return _frame_of(body, seed) | {"status": "queued"}


def _frame_of(body: Body, seed: bytes) -> Body:
    return {
        "id": tokens.derived_id("resp_", 48, seed),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": bool(body.get("background")),
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None} | (body.get("reasoning") or {}),
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": 1.0 if body.get("temperature") is None else body["temperature"],
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | (body.get("text") or {}),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0 if body.get("top_p") is None else body["top_p"],
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


class _Frames:
    """Events, numbered in their order."""

    def __init__(self, has_obfuscation: bool) -> None:
        self.frames: list[bytes] = []
        self._has_obfuscation = has_obfuscation

    def add(self, kind: str, **members: object) -> None:
        if kind.endswith(".delta") and self._has_obfuscation:
            members["obfuscation"] = "x" * (16 - len(str(members["delta"])) % 16)
        self.frames.append(frame(kind, {"type": kind, "sequence_number": len(self.frames), **members}))


def frame(kind: str, event: object) -> bytes:
    """One named event."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(event))


def error_frame() -> bytes:
    """An error in the middle of a stream."""
    message = "The server had an error while processing your request."
    return frame("error", {"type": "error", "code": "server_error", "message": message, "param": None})


def response_frames(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[bytes]:
    """The events of a streamed response."""
    options = body.get("stream_options") or {}
    out = _Frames(options.get("include_obfuscation") is not False)
    begun = _frame_of(body, seed)
    out.add("response.created", response=begun)
    out.add("response.in_progress", response=begun)
    whole = response_of(body, prompt, reply, seed)
    for index, item in enumerate(whole["output"]):
        _add_item(index, item, out)
    out.add(f"response.{whole['status']}", response=whole)
    return out.frames


def _add_item(index: int, item: Body, out: _Frames) -> None:
    started = item | {"status": "in_progress"}
    place: Body = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        out.add("response.output_item.added", output_index=index, item=started | {"content": []})
        _add_words(place | {"content_index": 0}, item["content"][0], out)
    elif item["type"] == "function_call":
        out.add("response.output_item.added", output_index=index, item=started | {"arguments": ""})
        arguments = item["arguments"]
        for start in range(0, len(arguments), _ARGUMENTS_PIECE):
            piece = arguments[start : start + _ARGUMENTS_PIECE]
            out.add("response.function_call_arguments.delta", **place, delta=piece)
        out.add("response.function_call_arguments.done", **place, arguments=arguments)
    else:
        out.add("response.output_item.added", output_index=index, item=item | {"summary": []})
        _add_summary(place | {"summary_index": 0}, item["summary"], out)
    out.add("response.output_item.done", output_index=index, item=item)


def _add_words(place: Body, part: Body, out: _Frames) -> None:
    kind = part["type"]
    name = "refusal" if kind == "refusal" else "text"
    empty = part | {name: ""} | ({} if kind == "refusal" else {"logprobs": []})
    out.add("response.content_part.added", **place, part=empty)
    logprobs = part.get("logprobs") or []
    for number, piece in enumerate(tokens.pieces(part[name])):
        told = {} if kind == "refusal" else {"logprobs": logprobs[number : number + 1]}
        out.add(f"response.{kind}.delta", **place, delta=piece, **told)
    done = {} if kind == "refusal" else {"logprobs": logprobs}
    out.add(f"response.{kind}.done", **place, **{name: part[name]}, **done)
    out.add("response.content_part.done", **place, part=part)


def _add_summary(place: Body, summary: list[Body], out: _Frames) -> None:
    for part in summary:
        out.add("response.reasoning_summary_part.added", **place, part=part | {"text": ""})
        for piece in tokens.pieces(part["text"]):
            out.add("response.reasoning_summary_text.delta", **place, delta=piece)
        out.add("response.reasoning_summary_text.done", **place, text=part["text"])
        out.add("response.reasoning_summary_part.done", **place, part=part)
