"""What Cohere's API refuses: `/v2/chat`, `/v2/embed`, `/v2/rerank`.

Shapes and limits follow the API reference, version 2, and the types of cohere 7 for Python. Tool results must be
those of calls that were made, each of them once.
"""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import media
from entresol.scripted.script import Refusal
from entresol.scripted.shape import (
    Either,
    Flag,
    ListOf,
    MapOf,
    Number,
    Object,
    Problem,
    Shape,
    Tagged,
    Text,
)

_WORDS: Final = Text(shortest=1)
_TEXT_PART: Final = Object({"type": Text(), "text": Text()})
_IMAGE: Final = Object({"url": _WORDS}, {"detail": Text(("auto", "low", "high"))})
_IMAGE_PART: Final = Object({"type": Text(), "image_url": _IMAGE})
_THINKING_PART: Final = Object({"type": Text(), "thinking": Text()})
_DOCUMENT: Final = Object({"data": Either({"object": MapOf(), "string": Text()})}, {"id": Text()})
_DOCUMENT_PART: Final = Object({"type": Text(), "document": _DOCUMENT})


def _content(**parts: Shape) -> Either:
    return Either({"string": Text(), "array": ListOf(Tagged(parts), shortest=1)})


_CALL: Final = Object(
    {"id": _WORDS, "type": Text(("function",)), "function": Object({"name": _WORDS, "arguments": Text()})}
)
_ROLE: Final[dict[str, Shape]] = {"role": Text()}
_MESSAGE: Final = Tagged(
    {
        "user": Object({**_ROLE, "content": _content(text=_TEXT_PART, image_url=_IMAGE_PART)}),
        "system": Object({**_ROLE, "content": _content(text=_TEXT_PART)}),
        "assistant": Object(
            _ROLE,
            {
                "content": _content(text=_TEXT_PART, thinking=_THINKING_PART),
                "tool_plan": Text(),
                "tool_calls": ListOf(_CALL),
                "citations": ListOf(MapOf()),
            },
        ),
        "tool": Object(
            {**_ROLE, "tool_call_id": _WORDS, "content": _content(text=_TEXT_PART, document=_DOCUMENT_PART)}
        ),
    },
    tag="role",
)
_FUNCTION: Final = Object({"name": _WORDS, "parameters": MapOf()}, {"description": Text()})
_SPANS: Final = Object(
    {"mode": Text(("enabled", "disabled"))}, {"threshold": Number(), "max_spans": Number(1, whole=True)}
)
_PRIORITY: Final = Number(0, 999, whole=True)
CHAT: Final = Object(
    {"model": _WORDS, "messages": ListOf(_MESSAGE, shortest=1)},
    {
        "stream": Flag(),
        "tools": ListOf(Object({"type": Text(("function",)), "function": _FUNCTION}), longest=200),
        "strict_tools": Flag(),
        "tool_choice": Text(("REQUIRED", "NONE")),
        "documents": ListOf(Either({"string": Text(), "object": _DOCUMENT})),
        "citation_options": Object({}, {"mode": Text(("ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF", "enabled",
                                                      "disabled", "fast", "accurate", "off"))}),
        "response_format": Tagged(
            {"text": Object({"type": Text()}), "json_object": Object({"type": Text()}, {"json_schema": MapOf()})}
        ),
        "safety_mode": Text(("CONTEXTUAL", "STRICT", "OFF")),
        "max_tokens": Number(1, whole=True),
        "stop_sequences": ListOf(Text(), longest=5),
        "temperature": Number(0),
        "seed": Number(0, whole=True),
        "frequency_penalty": Number(0, 1),
        "presence_penalty": Number(0, 1),
        "k": Number(0, 500, whole=True),
        "p": Number(0.01, 0.99),
        "logprobs": Flag(),
        "thinking": Object({"type": Text(("enabled", "disabled"))}, {"token_budget": Number(1, whole=True)}),
        "priority": _PRIORITY,
    },
)  # fmt: skip
_EMBED_PART: Final = Tagged({"text": _TEXT_PART, "image_url": _IMAGE_PART})
EMBED: Final = Object(
    {
        "model": _WORDS,
        "input_type": Text(("search_document", "search_query", "classification", "clustering", "image")),
    },
    {
        "texts": ListOf(Text(), shortest=1, longest=96),
        "images": ListOf(Text(), shortest=1),
        "inputs": ListOf(Object({"content": ListOf(_EMBED_PART, shortest=1)}), shortest=1, longest=96),
        "max_tokens": Number(1, whole=True),
        "output_dimension": Number(1, whole=True),
        "embedding_types": ListOf(Text(("float", "int8", "uint8", "binary", "ubinary", "base64")), shortest=1),
        "truncate": Text(("NONE", "START", "END")),
        "priority": _PRIORITY,
    },
)
RERANK: Final = Object(
    {"model": _WORDS, "query": _WORDS, "documents": ListOf(Text(), shortest=1, longest=10_000)},
    {
        "top_n": Number(1, whole=True),
        "max_tokens_per_doc": Number(1, whole=True),
        "relevant_spans": _SPANS,
        "priority": _PRIORITY,
    },
)
_DIMENSIONS: Final = (256, 512, 1024, 1536)
_THOUGHTLESS: Final = re.compile(r"command-(?:r|a-03|a-vision|a-translate)|c4ai-")
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,256}")


def invalid(message: str) -> Refusal:
    """A request that cannot be served."""
    return Refusal(400, "", f"invalid request: {message}")


def check_shape(body: object, shape: Object) -> dict[str, Any]:
    """The body, if its shape is right. Raises Refusal."""
    problem = shape.check(body, ())
    if problem is not None:
        raise invalid(_wording(problem))
    assert isinstance(body, dict)
    return body


def _wording(problem: Problem) -> str:
    where = ".".join(str(step) for step in problem.path)
    if problem.kind == "missing":
        return f"{where} is required"
    if problem.kind == "unknown":
        return f"unknown field: parameter '{where}' is not a valid field"
    if problem.kind == "type":
        return f"{where or 'the body'} must be {problem.expected}, not {problem.got}"
    return f"{where}: {problem.got} is not valid (expected {problem.kind} {problem.expected})"


def check_chat(body: dict[str, Any]) -> None:
    """What shapes cannot say of a chat. Raises Refusal."""
    _check_turns(body["messages"])
    tools = body.get("tools") or []
    for tool in tools:
        if _NAME.fullmatch(tool["function"]["name"]) is None:
            raise invalid(f"tool name {tool['function']['name']!r} is not valid")
        if tool["function"]["parameters"].get("type") != "object":
            raise invalid("tool parameters must be a JSON schema of type object")
        if body.get("strict_tools") and not tool["function"]["parameters"].get("required"):
            raise invalid("with strict_tools every tool needs a required parameter")
    if body.get("tool_choice") == "REQUIRED" and not tools:
        raise invalid("tool_choice REQUIRED needs tools")
    if body.get("response_format", {}).get("type") == "json_object" and (tools or body.get("documents")):
        raise invalid("response_format json_object is not supported with tools or documents")
    if body.get("thinking") and _THOUGHTLESS.match(body["model"]):
        raise invalid(f"thinking is not supported by model {body['model']}")


def _check_turns(messages: list[dict[str, Any]]) -> None:
    """Who says what, and which calls have results."""
    waiting: list[str] = []
    for position, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                raise invalid(f"tool_call_id {message['tool_call_id']!r} has no matching tool call")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise invalid(f"tool calls without a result: {', '.join(waiting)}")
        if role == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls") or []]
            if len(set(waiting)) != len(waiting):
                raise invalid("tool call ids must be unique")
            _check_said(message, position)
        elif not message["content"]:
            raise invalid(f"messages.{position}.content must not be empty")
        _check_images(message.get("content"))
    if waiting:
        raise invalid(f"tool calls without a result: {', '.join(waiting)}")


def _check_images(content: object) -> None:
    for part in content if isinstance(content, list) else []:
        if part["type"] == "image_url":
            check_image(part["image_url"]["url"])


def _check_said(message: dict[str, Any], position: int) -> None:
    calls = message.get("tool_calls") or []
    if not calls and not message.get("content"):
        raise invalid(f"messages.{position} needs content or tool_calls")
    if not calls and message.get("tool_plan"):
        raise invalid(f"messages.{position}.tool_plan needs tool_calls")
    for call in calls:
        try:
            arguments = msgspec.json.decode(call["function"]["arguments"])
        except msgspec.DecodeError as error:
            raise invalid("tool call arguments are not valid JSON") from error
        if not isinstance(arguments, dict):
            raise invalid("tool call arguments must be an object")


def check_image(url: str) -> tuple[str, int]:
    """Media type and size of an image; 0 of one that is elsewhere. Raises Refusal."""
    if url.startswith(("http://", "https://")):
        return "image", 0
    try:
        split = media.split_data_url(url)
        if split is None:
            raise media.BadMedia("not a URL")
        return split[0], len(media.decode_media(split[1], split[0]))
    except media.BadMedia as problem:
        raise invalid(f"image_url: {problem}") from problem


def check_embed(body: dict[str, Any]) -> None:
    """What shapes cannot say of an embeddings call. Raises Refusal."""
    given = [name for name in ("texts", "images", "inputs") if body.get(name)]
    if len(given) != 1:
        raise invalid("exactly one of texts, images and inputs must be given")
    if (given == ["images"]) != (body["input_type"] == "image"):
        raise invalid("input_type image goes with images, and only with them")
    for url in body.get("images") or []:
        if not url.startswith("data:"):
            raise invalid("images must be data URIs")
        check_image(url)
    size = body.get("output_dimension")
    if size is not None and ("v4" not in body["model"] or size not in _DIMENSIONS):
        raise invalid(f"output_dimension must be one of {_DIMENSIONS}, with embed-v4 and newer")
