"""Ollama's wire: requests read into a prompt, replies written as chats and completions, whole or a line at a time."""

from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.embedding import vector_of
from entresol.scripted.ollama_checks import media_type_of
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
CREATED_AT: Final = "2026-01-01T00:00:00.123456789Z"
"""Every answer was made at this time, so that equal requests have equal answers."""
DONE: Final = {"stop": "stop", "sequence": "stop", "length": "length", "tools": "stop", "refusal": "stop"}
_DURATIONS: Final = {"total_duration": 5_000_000, "load_duration": 1_000_000}
_REFUSAL: Final = "I can't help with that."


def read_chat(body: Body) -> Prompt:
    """The prompt in a chat that has passed the checks."""
    prompt = _settings(body)
    prompt.tools = [
        OfferedTool(tool["function"]["name"], tool["function"].get("parameters") or {})
        for tool in body.get("tools") or []
        if tool.get("function")
    ]
    prompt.input_tokens = tokens.count_json(body["tools"]) if body.get("tools") else 0
    names: dict[str, str] = {}
    order: list[str] = []
    last = ""
    for message in body.get("messages") or []:
        role, text = message["role"].lower(), message.get("content") or ""
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD + tokens.count_text(text)
        prompt.input_tokens += tokens.IMAGE_TOKENS * len(message.get("images") or [])
        for call in message.get("tool_calls") or []:
            prompt.input_tokens += tokens.count_json(call["function"])
            order.append(call["function"]["name"])
            if call.get("id"):
                names[call["id"]] = call["function"]["name"]
        if role == "user":
            attachments = [_attachment(image) for image in message.get("images") or []]
            if last == "user":  # several messages of the user's are one turn
                prompt.text = "\n".join(part for part in (prompt.text, text) if part)
                prompt.attachments = [*prompt.attachments, *attachments]
            else:
                prompt.text, prompt.attachments, prompt.outcomes = text, attachments, []
        elif role == "tool":
            by_id = names.get(message.get("tool_call_id") or "")
            name = message.get("tool_name") or by_id or (order[-1] if order else "tool")
            prompt.outcomes = [*prompt.outcomes, ToolOutcome(name, text)]
        elif role == "assistant":
            prompt.outcomes = []
        last = role
    return prompt


def read_generate(body: Body) -> Prompt:
    """The prompt of a completion that has passed the checks."""
    prompt = _settings(body)
    prompt.text = body.get("prompt") or ""
    prompt.attachments = [_attachment(image) for image in body.get("images") or []]
    texts = (body.get("system") or "", prompt.text)
    prompt.input_tokens = sum(tokens.MESSAGE_OVERHEAD + tokens.count_text(text) for text in texts if text)
    prompt.input_tokens += tokens.IMAGE_TOKENS * len(prompt.attachments)
    return prompt


def _settings(body: Body) -> Prompt:
    options = body.get("options") or {}
    limit = options.get("num_predict")
    wanted = body.get("format")
    schema: dict[str, object] | None = None
    if isinstance(wanted, dict):
        schema = wanted
    elif wanted == "json":
        schema = {}
    return Prompt(
        model=body["model"],
        thinking=bool(body.get("think")),
        schema=schema,
        max_tokens=limit if limit is not None and limit >= 0 else None,
        stops=options.get("stop") or [],
    )


def _attachment(image: str) -> Attachment:
    data = media.decode_base64(image)
    return Attachment("image", media_type_of(data) or "unknown type", len(data))


def _head(prompt: Prompt) -> Body:
    return {"model": prompt.model, "created_at": CREATED_AT}


def _calls(reply: Reply) -> list[Body]:
    """Calls, without ids: most models' templates have none."""
    return [
        {"function": {"index": index, "name": call.name, "arguments": call.arguments}}
        for index, call in enumerate(reply.calls)
    ]


def _said(kind: str, text: str, **more: object) -> Body:
    """What is said, where the kind of answer has it."""
    if kind == "chat":
        return {"message": {"role": "assistant", "content": text, **more}}
    return {"response": text, **more}


def _end(kind: str, prompt: Prompt, reply: Reply) -> Body:
    output = reply.visible_tokens + reply.thinking_tokens
    counts: Body = {"prompt_eval_count": prompt.input_tokens, "eval_count": output}
    durations = {**_DURATIONS, "prompt_eval_duration": 1_000_000, "eval_duration": 3_000_000}
    context = {"context": [1, 2, 3]} if kind == "generate" else {}
    return {"done": True, "done_reason": DONE[reply.stop], **context, **durations, **counts}


def _logprobs(text: str, top: int) -> list[Body]:
    def entry(token: str) -> Body:
        return {"token": token, "logprob": -0.125, "bytes": list(token.encode())}

    return [{**entry(token), **({"top_logprobs": [entry(token)]} if top else {})} for token in tokens.pieces(text)]


def _text_of(reply: Reply) -> str:
    return _REFUSAL if reply.stop == "refusal" else reply.text


def loaded(kind: str, body: Body) -> Body:
    """The answer to a request without anything to answer: the model is loaded, or unloaded."""
    reason = "unload" if body.get("keep_alive") == 0 else "load"
    head = {"model": body["model"], "created_at": CREATED_AT}
    return {**head, **_said(kind, ""), "done": True, "done_reason": reason}


def whole_answer(kind: str, body: Body, prompt: Prompt, reply: Reply) -> Body:
    """An answer in one piece; `kind` is chat or generate."""
    more: Body = {}
    if reply.thinking:
        more["thinking"] = reply.thinking
    if reply.calls:
        more["tool_calls"] = _calls(reply)
    text = _text_of(reply)
    answer = {**_head(prompt), **_said(kind, text, **more), **_end(kind, prompt, reply)}
    if body.get("logprobs"):
        answer["logprobs"] = _logprobs(text, body.get("top_logprobs") or 0)
    return answer


def line_frames(kind: str, body: Body, prompt: Prompt, reply: Reply) -> list[bytes]:
    """The lines of a stream: a word at a time, each call whole, counts in the last."""
    head = _head(prompt)
    chunks = [{**head, **_said(kind, "", thinking=piece), "done": False} for piece in tokens.pieces(reply.thinking)]
    for piece in tokens.pieces(_text_of(reply)):
        chunk = {**head, **_said(kind, piece), "done": False}
        if body.get("logprobs"):
            chunk["logprobs"] = _logprobs(piece, body.get("top_logprobs") or 0)
        chunks.append(chunk)
    chunks += [{**head, **_said(kind, "", tool_calls=[call]), "done": False} for call in _calls(reply)]
    chunks.append({**head, **_said(kind, ""), **_end(kind, prompt, reply)})
    return [line(chunk) for chunk in chunks]


def line(value: object) -> bytes:
    """One object of a stream."""
    return msgspec.json.encode(value) + b"\n"


def embed_answer(body: Body) -> Body:
    """The answer of `/api/embed`: a vector an input."""
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    size = body.get("dimensions") or 8
    return {
        "model": body["model"],
        "embeddings": [vector_of(text, size) for text in inputs],
        **_DURATIONS,
        "prompt_eval_count": sum(tokens.count_text(text) for text in inputs),
    }


def model_row(name: str) -> Body:
    """A model as `/api/tags` lists it."""
    details = {"parent_model": "", "format": "gguf", "family": "scripted", "families": ["scripted"]}
    details |= {"parameter_size": "1B", "quantization_level": "Q4_K_M"}
    digest = tokens.derived_id("", 64, name).lower()
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED_AT,
        "size": 1_000_000,
        "digest": digest,
        "details": details,
    }
