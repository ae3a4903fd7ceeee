"""The Gemini wire: requests read into a prompt, replies written as GenerateContentResponse, whole or streamed."""

import base64
from typing import Any, Final

import msgspec

from entresol.scripted import media, tokens
from entresol.scripted.embedding import vector_of
from entresol.scripted.prompt import Attachment, OfferedTool, Prompt, Reply, ToolOutcome

Body = dict[str, Any]
FINISH: Final = {"stop": "STOP", "sequence": "STOP", "length": "MAX_TOKENS", "tools": "STOP", "refusal": "SAFETY"}
_KINDS: Final = {"image": "image", "audio": "audio clip", "video": "video"}


def read_generate(body: Body, model: str) -> Prompt:
    """The prompt in a request that has passed the checks."""
    config = body.get("generationConfig") or {}
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames") or []
    choice = {"ANY": "required", "NONE": "none"}.get(calling.get("mode") or "AUTO", "auto")
    thinking = config.get("thinkingConfig") or {}
    prompt = Prompt(
        model=model,
        tools=[
            OfferedTool(item["name"], item.get("parametersJsonSchema") or item.get("parameters") or {})
            for tool in body.get("tools") or []
            for item in tool.get("functionDeclarations") or []
            if not allowed or item["name"] in allowed
        ],
        tool_choice=f"={allowed[0]}" if choice == "required" and len(allowed) == 1 else choice,
        thinking=thinking.get("includeThoughts") is True,
        max_tokens=config.get("maxOutputTokens"),
        stops=config.get("stopSequences") or [],
    )
    if config.get("responseMimeType") == "application/json":
        prompt.schema = config.get("responseJsonSchema") or config.get("responseSchema") or {}
    prompt.input_tokens = tokens.count_json(body["tools"]) if body.get("tools") else 0
    for part in (body.get("systemInstruction") or {}).get("parts") or []:
        prompt.input_tokens += tokens.count_text(part.get("text") or "")
    _read_contents(body["contents"], prompt)
    if "scripted-cached" in model:
        prompt.marked_tokens = prompt.input_tokens // 2
    return prompt


def _read_contents(contents: list[Body], prompt: Prompt) -> None:
    for content in contents:
        texts: list[str] = []
        attachments: list[Attachment] = []
        outcomes: list[ToolOutcome] = []
        prompt.input_tokens += tokens.MESSAGE_OVERHEAD
        for part in content["parts"]:
            if part.get("text") is not None:
                texts.append(part["text"])
                prompt.input_tokens += tokens.count_text(part["text"])
            elif part.get("functionResponse") is not None:
                result = part["functionResponse"]
                outcomes.append(ToolOutcome(result["name"], msgspec.json.encode(result.get("response") or {}).decode()))
                prompt.input_tokens += tokens.count_json(result)
            elif part.get("inlineData") is not None or part.get("fileData") is not None:
                attachments.append(_attachment(part))
                prompt.input_tokens += tokens.IMAGE_TOKENS
            else:
                prompt.input_tokens += tokens.count_json(part)
        if (content.get("role") or "user") != "model":
            prompt.text, prompt.attachments, prompt.outcomes = "\n".join(texts), attachments, outcomes


def _attachment(part: Body) -> Attachment:
    blob = part.get("inlineData")
    media_type = (blob or part["fileData"]).get("mimeType") or "unknown type"
    size = len(media.decode_base64(blob["data"], url_safe=True)) if blob else 0
    return Attachment(_KINDS.get(media_type.partition("/")[0], "document"), media_type, size)


def usage_of(prompt: Prompt, reply: Reply, choices: int = 1) -> Body:
    """Gemini counts cached tokens inside the prompt, and thoughts outside the candidates."""
    visible, thoughts = reply.visible_tokens * choices, reply.thinking_tokens * choices
    usage: Body = {
        "promptTokenCount": prompt.input_tokens,
        "candidatesTokenCount": visible,
        "totalTokenCount": prompt.input_tokens + visible + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt.input_tokens}],
    }
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    if prompt.marked_tokens:
        usage["cachedContentTokenCount"] = prompt.marked_tokens
    return usage


def _parts(prompt: Prompt, reply: Reply, seed: bytes) -> list[Body]:
    signature = base64.b64encode(tokens.derived_id("sig", 32, seed).encode()).decode()
    parts: list[Body] = []
    if reply.thinking:
        parts.append({"text": reply.thinking, "thought": True})
    if reply.text:
        parts.append({"text": reply.text})
    for position, call in enumerate(reply.calls):
        function: Body = {"name": call.name, "args": call.arguments}
        part: Body = {"functionCall": function}
        if "gemini-3" in prompt.model:
            function["id"] = tokens.derived_id("", 8, seed, position).lower()
            if position == 0:
                part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def _envelope(prompt: Prompt, seed: bytes) -> Body:
    return {"modelVersion": prompt.model, "responseId": tokens.derived_id("", 22, seed)}


def _logprobs(text: str) -> Body:
    chosen = [{"token": token, "logProbability": -0.125} for token in tokens.pieces(text)]
    return {"chosenCandidates": chosen, "topCandidates": [{"candidates": [one]} for one in chosen]}


def generate_answer(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> Body:
    """A whole GenerateContentResponse."""
    config = body.get("generationConfig") or {}
    count = config.get("candidateCount") or 1
    candidate: Body = {"finishReason": FINISH[reply.stop]}
    parts = _parts(prompt, reply, seed)
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if config.get("responseLogprobs"):
        candidate["logprobsResult"] = _logprobs(reply.text)
        candidate["avgLogprobs"] = -0.125
    return {
        "candidates": [{**candidate, "index": index} for index in range(count)],
        "usageMetadata": usage_of(prompt, reply, count),
        **_envelope(prompt, seed),
    }


def generate_chunks(body: Body, prompt: Prompt, reply: Reply, seed: bytes) -> list[Body]:
    """The responses of a stream: text in pieces, calls whole, the finish reason and all usage in the last."""
    count = (body.get("generationConfig") or {}).get("candidateCount") or 1
    usage = usage_of(prompt, reply, count)
    running = {"promptTokenCount": usage["promptTokenCount"], "totalTokenCount": usage["promptTokenCount"]}
    parts: list[Body] = []
    for part in _parts(prompt, reply, seed):
        if "text" in part:
            parts += [{**part, "text": piece} for piece in tokens.pieces(part["text"])]
        else:
            parts.append(part)
    chunks: list[Body] = []
    for index in range(count):
        chunks += [
            {
                "candidates": [{"content": {"role": "model", "parts": [part]}, "index": index}],
                "usageMetadata": running,
                **_envelope(prompt, seed),
            }
            for part in parts
        ]
    last = [
        {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": FINISH[reply.stop], "index": index}
        for index in range(count)
    ]
    chunks.append({"candidates": last, "usageMetadata": usage, **_envelope(prompt, seed)})
    return chunks


def frame(value: object) -> bytes:
    """One event of `alt=sse`; Gemini ends lines with CR LF and sends no end marker."""
    return b"data: " + msgspec.json.encode(value) + b"\r\n\r\n"


def array_frames(chunks: list[Body]) -> list[bytes]:
    """A stream without `alt=sse`: one JSON array, an element at a time."""
    encoded = [msgspec.json.encode(chunk) for chunk in chunks]
    return [b"[" + encoded[0], *(b",\r\n" + item for item in encoded[1:]), b"]"]


def embedding_of(request: Body) -> Body:
    """A ContentEmbedding."""
    text = " ".join(part.get("text") or "" for part in request["content"].get("parts") or [])
    return {"values": vector_of(text, request.get("outputDimensionality") or 8)}
