"""What Anthropic's Messages API refuses. Shapes follow the types of anthropic 2.12; rules that a version changed are
told apart by the `anthropic-version` header (2023-06-01, 2026-10-21)."""

from typing import Any, Final

from entresol.scripted.script import Refusal
from entresol.scripted.shape import (
    Anything,
    Either,
    Flag,
    ListOf,
    MapOf,
    Number,
    Object,
    Path,
    Problem,
    Shape,
    Tagged,
    Text,
)

VERSIONS: Final = ("2023-01-01", "2023-06-01", "2026-10-21")
_NEWEST: Final = "2026-10-21"
_SAMPLING: Final = ("temperature", "top_p", "top_k")

_TYPE: dict[str, Shape] = {"type": Text()}
_CACHE = Object(_TYPE, {"ttl": Text(("5m", "1h"))})
_MARK: dict[str, Shape] = {"cache_control": _CACHE}
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_URL_SOURCE = Object({**_TYPE, "url": Text(shortest=1)})
_FILE_SOURCE = Object({**_TYPE, "file_id": Text()})
_IMAGE = Object(
    {
        **_TYPE,
        "source": Tagged(
            {
                "base64": Object({**_TYPE, "media_type": Text(_IMAGE_TYPES), "data": Text()}),
                "url": _URL_SOURCE,
                "file": _FILE_SOURCE,
            }
        ),
    },
    {**_MARK, "transformations": MapOf()},
)
_TEXT = Object({**_TYPE, "text": Text()}, {**_MARK, "citations": ListOf(MapOf())})
_DOCUMENT = Object(
    {
        **_TYPE,
        "source": Tagged(
            {
                "base64": Object({**_TYPE, "media_type": Text(("application/pdf",)), "data": Text()}),
                "text": Object({**_TYPE, "media_type": Text(("text/plain",)), "data": Text()}),
                "content": Object({**_TYPE, "content": Either({"string": Text(), "array": ListOf(MapOf())})}),
                "url": _URL_SOURCE,
                "file": _FILE_SOURCE,
            }
        ),
    },
    {**_MARK, "citations": Object({}, {"enabled": Flag()}), "context": Text(), "title": Text()},
)
_SEARCH_RESULT = Object(
    {**_TYPE, "source": Text(), "title": Text(), "content": ListOf(_TEXT)},
    {**_MARK, "citations": Object({}, {"enabled": Flag()})},
)
_TOOL_RESULT = Object(
    {**_TYPE, "tool_use_id": Text()},
    {
        **_MARK,
        "is_error": Flag(),
        "toolset_name": Text(),
        "content": Either(
            {
                "string": Text(),
                "array": ListOf(
                    Tagged({"text": _TEXT, "image": _IMAGE, "document": _DOCUMENT, "search_result": _SEARCH_RESULT})
                ),
            }
        ),
    },
)
_TOOL_USE = Object(
    {**_TYPE, "id": Text(shortest=1), "name": Text(shortest=1), "input": MapOf()},
    {**_MARK, "caller": MapOf(), "toolset_name": Text()},
)
_THINKING = Object({**_TYPE, "thinking": Text(), "signature": Text()})
_REDACTED = Object({**_TYPE, "data": Text()})
_USER_BLOCKS: dict[str, Shape] = {
    "text": _TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "search_result": _SEARCH_RESULT,
    "tool_result": _TOOL_RESULT,
}
_ASSISTANT_BLOCKS: dict[str, Shape] = {
    "text": _TEXT,
    "tool_use": _TOOL_USE,
    "thinking": _THINKING,
    "redacted_thinking": _REDACTED,
}


def _content(blocks: dict[str, Shape]) -> Either:
    return Either({"string": Text(), "array": ListOf(Tagged(blocks))})


_ROLE: dict[str, Shape] = {"role": Text()}
_MESSAGES = {
    "user": Object({**_ROLE, "content": _content(_USER_BLOCKS)}),
    "assistant": Object({**_ROLE, "content": _content(_ASSISTANT_BLOCKS)}),
    "system": Object({**_ROLE, "content": _content({"text": _TEXT})}),
}
_OLD_MESSAGES = {
    **_MESSAGES,
    "assistant": Object({**_ROLE, "content": _content({**_ASSISTANT_BLOCKS, "document": _DOCUMENT})}),
}
_TOOL = Object(
    {"name": Text(shortest=1, longest=128), "input_schema": MapOf()},
    {
        **_MARK,
        "type": Text(("custom",)),
        "description": Text(),
        "strict": Flag(),
        "allowed_callers": ListOf(Text()),
        "defer_loading": Flag(),
        "eager_input_streaming": Flag(),
        "input_examples": ListOf(MapOf()),
    },
)
_PARALLEL: dict[str, Shape] = {"disable_parallel_tool_use": Flag()}
_TOOL_CHOICE = Tagged(
    {
        "auto": Object(_TYPE, _PARALLEL),
        "any": Object(_TYPE, _PARALLEL),
        "none": Object(_TYPE),
        "tool": Object({**_TYPE, "name": Text()}, _PARALLEL),
    }
)
_DISPLAY: dict[str, Shape] = {"display": Text(("summarized", "omitted"))}
_THINKING_CONFIG = Tagged(
    {
        "enabled": Object({**_TYPE, "budget_tokens": Number(1024, whole=True)}, _DISPLAY),
        "adaptive": Object(_TYPE, _DISPLAY),
        "between_tools": Object(_TYPE),
        "disabled": Object(_TYPE),
    }
)
_COUNTED: dict[str, Shape] = {
    "cache_control": _CACHE,
    "output_config": Object(
        {},
        {
            "effort": Text(("low", "medium", "high", "xhigh", "max")),
            "format": Object({"type": Text(("json_schema",)), "schema": MapOf()}),
        },
    ),
    "speed": Text(("standard", "fast")),
    "system": Either({"string": Text(), "array": ListOf(Tagged({"text": _TEXT}))}),
    "thinking": _THINKING_CONFIG,
    "tool_choice": _TOOL_CHOICE,
    "tools": ListOf(_TOOL),
    "user_profile_id": Text(),
}
_OPTIONAL: dict[str, Shape] = {
    **_COUNTED,
    "container": Anything(),
    "diagnostics": MapOf(),
    "inference_geo": Text(),
    "metadata": Object({}, {"user_id": Text(longest=256)}),
    "service_tier": Text(("auto", "standard_only")),
    "stop_sequences": ListOf(Text()),
    "stream": Flag(),
}
_RANGES: dict[str, Shape] = {"temperature": Number(0, 1), "top_p": Number(0, 1), "top_k": Number(0, whole=True)}


def _request(messages: dict[str, Object], optional: dict[str, Shape], counting: bool) -> Object:
    required: dict[str, Shape] = {"model": Text(shortest=1), "messages": ListOf(Tagged(messages, tag="role"), 1)}
    if not counting:
        required["max_tokens"] = Number(0, whole=True)
    return Object(required, optional)


_NEW_CREATE = _request(_MESSAGES, _OPTIONAL, counting=False)
_OLD_CREATE = _request(_OLD_MESSAGES, {**_OPTIONAL, **_RANGES}, counting=False)
_NEW_COUNT = _request(_MESSAGES, _COUNTED, counting=True)
_OLD_COUNT = _request(_OLD_MESSAGES, _COUNTED, counting=True)

_WORDING: Final = {
    "missing": "{path}: Field required",
    "unknown": "{path}: Extra inputs are not permitted",
    "type": "{path}: Input should be a valid {expected}",
    "value": "{path}: Input should be {expected}",
    "low": "{path}: Input should be greater than or equal to {expected}",
    "high": "{path}: Input should be less than or equal to {expected}",
    "short": "{path}: at least {expected} required, {got} given",
    "long": "{path}: at most {expected} allowed, {got} given",
}


def invalid(message: str) -> Refusal:
    """A 400 with Anthropic's error type."""
    return Refusal(400, "invalid_request_error", message)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def refusal_for(problem: Problem) -> Refusal:
    """The 400 for a shape problem."""
    wording = _WORDING[problem.kind]
    return invalid(wording.format(path=_dotted(problem.path), expected=problem.expected, got=problem.got))


def check(body: object, version: str, counting: bool) -> dict[str, Any]:
    """The body, once it may pass. Raises Refusal."""
    if not isinstance(body, dict):
        raise invalid("The body of the request must be a JSON object")
    if counting:
        shape = _NEW_COUNT if version == _NEWEST else _OLD_COUNT
    else:
        shape = _NEW_CREATE if version == _NEWEST else _OLD_CREATE
    problem = shape.check(body, ())
    if problem is not None:
        raise refusal_for(problem)
    _check_tools(body)
    _check_turns(body["messages"])
    _check_thinking(body)
    _check_format((body.get("output_config") or {}).get("format"))
    if version == _NEWEST:
        _check_citations(body["messages"])
    return body


def _check_tools(body: dict[str, Any]) -> None:
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    names = [tool["name"] for tool in tools]
    for index, tool in enumerate(tools):
        name = tool["name"]
        if not all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in name):
            raise invalid(f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool["input_schema"].get("type") != "object":
            raise invalid(f"tools.{index}.custom.input_schema.type: Input should be 'object'")
    if len(set(names)) != len(names):
        raise invalid("tools: Tool names must be unique.")
    if choice is not None and not tools:
        raise invalid("tool_choice: may only be specified while providing tools")
    if choice is not None and choice["type"] == "tool" and choice["name"] not in names:
        raise invalid(f"tool_choice: tool '{choice['name']}' not found in provided tools")


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_turns(messages: list[dict[str, Any]]) -> None:
    turns = [message for message in messages if message["role"] != "system"]
    if not turns or turns[0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    for index, message in enumerate(messages):
        _check_blocks(index, message, last=index == len(messages) - 1)
    _check_pairs(_merged(turns))


def _check_blocks(index: int, message: dict[str, Any], last: bool) -> None:
    blocks = _blocks(message)
    if not blocks and not (last and message["role"] == "assistant"):
        raise invalid(f"messages.{index}: all messages must have non-empty content")
    for position, block in enumerate(blocks):
        if block["type"] == "text" and not block["text"]:
            raise invalid("messages: text content blocks must be non-empty")
        if block["type"] == "text" and not block["text"].strip():
            raise invalid("messages: text content blocks must contain non-whitespace text")
        if block["type"] == "thinking" and not block["signature"]:
            raise invalid(f"messages.{index}.content.{position}: Invalid `signature` in `thinking` block")
    is_prefill = last and message["role"] == "assistant" and blocks and blocks[-1]["type"] == "text"
    if is_prefill and blocks[-1]["text"] != blocks[-1]["text"].rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _merged(turns: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Consecutive turns of one role are one turn."""
    merged: list[tuple[str, list[dict[str, Any]]]] = []
    for message in turns:
        if merged and merged[-1][0] == message["role"]:
            merged[-1][1].extend(_blocks(message))
        else:
            merged.append((message["role"], list(_blocks(message))))
    return merged


def _check_pairs(turns: list[tuple[str, list[dict[str, Any]]]]) -> None:
    waiting: list[str] = []
    for index, (role, blocks) in enumerate(turns):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        strays = [wanted for wanted in results if wanted not in waiting]
        if strays:
            raise invalid(
                f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks: {strays[0]}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
            raise invalid(f"messages.{index}.content: `tool_result` blocks must come first in the content array")
        if len(set(results)) != len(results):
            raise invalid(f"messages.{index}.content: each tool_use must have a single result")
        missing = [wanted for wanted in waiting if wanted not in results]
        if missing:
            raise invalid(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"] if role == "assistant" else []
        if len(set(waiting)) != len(waiting):
            raise invalid("messages: `tool_use` ids must be unique")
    if waiting:
        raise invalid(f"messages.{len(turns) - 1}: `tool_use` ids without `tool_result`: {', '.join(waiting)}")


def _check_thinking(body: dict[str, Any]) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "enabled" and "max_tokens" in body and thinking["budget_tokens"] >= body["max_tokens"]:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if thinking["type"] not in ("enabled", "adaptive"):
        return
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice["type"] in ("any", "tool"):
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if body.get("temperature") not in (None, 1):
        raise invalid("`temperature` may only be set to 1 when thinking is enabled.")
    if body.get("top_k") is not None:
        raise invalid("`top_k` must be unset when thinking is enabled.")


def _check_format(wanted: dict[str, Any] | None) -> None:
    if wanted is not None and _is_open(wanted["schema"]):
        raise invalid("output_config.format.schema: For 'object' type, 'additionalProperties' must be set to false")


def _is_open(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_is_open(item) for item in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return True
    return any(_is_open(value) for value in schema.values())


def _check_citations(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        if message["role"] == "user" and any(
            block.get("citations") and block["type"] == "text" for block in _blocks(message)
        ):
            raise invalid(f"messages.{index}: citations are not permitted on text blocks of user messages")
