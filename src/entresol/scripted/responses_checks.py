"""What OpenAI's Responses refuse. Shapes follow the types of openai 3.54; rules that span fields follow its answers."""

from typing import Any, Final

from entresol.scripted.openai_checks import bad_request
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
    json_type,
    null_or,
)

Body = dict[str, Any]
SEALED: Final = "gAAAAAB"
"""How encrypted reasoning of this provider begins."""
_BREAKPOINT = Object({"mode": Text(("explicit",))}, {"ttl": Text(("30m", "12h"))})
_CACHED: dict[str, Shape] = {"prompt_cache_breakpoint": _BREAKPOINT}
_TYPE: dict[str, Shape] = {"type": Text()}
_STATUS: dict[str, Shape] = {"id": Text(longest=64), "status": Text(("in_progress", "completed", "incomplete"))}
_INPUT_PARTS: dict[str, Shape] = {
    "input_text": Object({**_TYPE, "text": Text()}, _CACHED),
    "input_image": Object(
        _TYPE,
        {
            "detail": Text(("auto", "low", "high", "original")),
            "image_url": Text(shortest=1),
            "file_id": Text(),
            **_CACHED,
        },
    ),
    "input_file": Object(
        _TYPE,
        {
            "file_data": Text(),
            "file_id": Text(),
            "file_url": Text(),
            "filename": Text(),
            "detail": Text(("auto", "low", "high")),
            **_CACHED,
        },
    ),
}
_INPUT = Either({"string": Text(), "array": ListOf(Tagged(_INPUT_PARTS))})
_OUTPUT = Either(
    {
        "string": Text(),
        "array": ListOf(
            Tagged(
                {
                    "output_text": Object(
                        {**_TYPE, "text": Text()}, {"annotations": ListOf(MapOf()), "logprobs": ListOf(MapOf())}
                    ),
                    "refusal": Object({**_TYPE, "refusal": Text()}),
                }
            )
        ),
    }
)
_MESSAGE = Tagged(
    {
        "user": Object({"role": Text(), "content": _INPUT}, {**_TYPE, **_STATUS}),
        "system": Object({"role": Text(), "content": _INPUT}, {**_TYPE, **_STATUS}),
        "developer": Object({"role": Text(), "content": _INPUT}, {**_TYPE, **_STATUS}),
        "assistant": Object(
            {"role": Text(), "content": _OUTPUT}, {**_TYPE, **_STATUS, "phase": Text(("commentary", "final_answer"))}
        ),
    },
    tag="role",
)
_CALL_ID = Text(shortest=1, longest=64)
_NAME = Text(shortest=1, longest=64)
_ITEMS: Final[dict[str, Shape]] = {
    "message": _MESSAGE,
    "function_call": Object(
        {**_TYPE, "call_id": _CALL_ID, "name": _NAME, "arguments": Text()},
        {**_STATUS, "namespace": Text(), "caller": MapOf(), "async": Flag()},
    ),
    "function_call_output": Object(
        {**_TYPE, "call_id": _CALL_ID, "output": _INPUT},
        {**_STATUS, "name": Text(), "namespace": Text(), "caller": MapOf()},
    ),
    "custom_tool_call": Object(
        {**_TYPE, "call_id": _CALL_ID, "name": _NAME, "input": Text()}, {**_STATUS, "namespace": Text()}
    ),
    "custom_tool_call_output": Object({**_TYPE, "call_id": _CALL_ID, "output": _INPUT}, _STATUS),
    "reasoning": Object(
        {**_TYPE, "summary": ListOf(Tagged({"summary_text": Object({**_TYPE, "text": Text()})}))},
        {
            **_STATUS,
            "content": ListOf(Tagged({"reasoning_text": Object({**_TYPE, "text": Text()})})),
            "encrypted_content": Text(),
        },
    ),
    "item_reference": Object({"id": Text(longest=64)}, _TYPE),
    "image_generation_call": Object({**_TYPE, "id": Text(), "result": Anything(), "status": Text()}, {}),
    "web_search_call": MapOf(),
}


class _Item:
    """An item of the input; a message needs no `type`."""

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", path, "object", json_type(value))
        kind = value.get("type")
        if kind is None:
            kind = "message" if "role" in value else "item_reference"
        shape = _ITEMS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return Problem("value", (*path, "type"), ", ".join(f"'{known}'" for known in _ITEMS), str(kind))
        return shape.check(value, path)


_FUNCTION = Object(
    {**_TYPE, "name": _NAME},
    {
        "parameters": MapOf(),
        "strict": Flag(),
        "description": Text(),
        "defer_loading": Flag(),
        "allowed_callers": ListOf(Text()),
        "output_schema": MapOf(),
    },
)
_TOOL = Tagged(
    {
        "function": _FUNCTION,
        "custom": Object({**_TYPE, "name": _NAME}, {"description": Text(), "format": MapOf(), "defer_loading": Flag()}),
        **dict.fromkeys(("web_search", "file_search", "code_interpreter", "image_generation", "mcp"), MapOf()),
    }
)
_NAMED = Object({**_TYPE, "name": Text()})
_TOOL_CHOICE = Either(
    {
        "string": Text(("none", "auto", "required")),
        "object": Tagged(
            {
                "function": _NAMED,
                "custom": _NAMED,
                "allowed_tools": Object({**_TYPE, "mode": Text(("auto", "required")), "tools": ListOf(MapOf(), 1)}),
                **dict.fromkeys(("web_search", "file_search", "code_interpreter", "image_generation"), Object(_TYPE)),
            }
        ),
    }
)
_TEXT_FORMAT = Tagged(
    {
        "text": Object(_TYPE),
        "json_object": Object(_TYPE),
        "json_schema": Object(
            {**_TYPE, "name": Text(shortest=1, longest=64), "schema": MapOf()},
            {"description": Text(), "strict": Flag()},
        ),
    }
)
_SUMMARY = Text(("auto", "concise", "detailed"))
_INCLUDE = Text(
    (
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
        "reasoning.encrypted_content",
        "message.output_text.logprobs",
    )
)
RESPONSES: Final = Object(
    {"model": Text()},
    {
        "input": Either({"string": Text(), "array": ListOf(_Item())}),
        "instructions": Text(),
        "max_output_tokens": Number(16, whole=True),
        "max_tool_calls": Number(1, whole=True),
        "temperature": Number(0, 2),
        "top_p": Number(0, 1),
        "top_logprobs": Number(0, 20, whole=True),
        "stream": Flag(),
        "stream_options": Object({}, {"include_obfuscation": Flag()}),
        "store": Flag(),
        "background": Flag(),
        "tools": ListOf(_TOOL, 0, 128),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": Flag(),
        "text": Object({}, {"format": _TEXT_FORMAT, "verbosity": Text(("low", "medium", "high"))}),
        "reasoning": Object(
            {},
            {
                "effort": Text(("none", "minimal", "low", "medium", "high", "xhigh", "max")),
                "summary": _SUMMARY,
                "generate_summary": _SUMMARY,
            },
        ),
        "include": ListOf(_INCLUDE),
        "previous_response_id": Text(),
        "conversation": Either({"string": Text(), "object": Object({"id": Text()})}),
        "prompt": MapOf(),
        "prompt_cache_key": Text(),
        "prompt_cache_options": MapOf(),
        "prompt_cache_retention": Text(("in_memory", "24h")),
        "safety_identifier": Text(longest=64),
        "user": Text(),
        "metadata": MapOf(Text(longest=512)),
        "service_tier": Text(("auto", "default", "flex", "scale", "priority", "fast")),
        "truncation": Text(("auto", "disabled")),
        "context_management": null_or(ListOf(MapOf()), "array"),
    },
)


def check_responses(body: Body) -> None:
    """The rules that span fields. Raises Refusal."""
    if body.get("previous_response_id") is not None:
        name = body["previous_response_id"]
        message = f"Previous response with id '{name}' not found."
        raise Refusal(
            400, "invalid_request_error", message, param="previous_response_id", code="previous_response_not_found"
        )
    if body.get("input") in (None, "", []):
        raise bad_request("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    if body.get("background") and body.get("store") is False:
        raise bad_request("Background mode requires 'store' to be true.", "background")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise bad_request("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    _check_model(body)
    _check_tools(body)
    items = body["input"] if isinstance(body["input"], list) else []
    _check_calls(items)
    _check_seals(items, body.get("store") is not False)
    _check_format(body)


def _check_model(body: Body) -> None:
    """What models that do not reason refuse."""
    if not body["model"].startswith(("gpt-4", "gpt-3", "chatgpt-")):
        return
    if (body.get("reasoning") or {}).get("effort") is not None:
        message = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        raise bad_request(message, "reasoning.effort", "unsupported_parameter")
    if "reasoning.encrypted_content" in (body.get("include") or []):
        raise bad_request("Encrypted content is not supported with this model.", "include")


def _check_tools(body: Body) -> None:
    tools = body.get("tools") or []
    for index, tool in enumerate(tools):
        if tool["type"] == "function" and tool.get("strict"):
            _check_strict(tool.get("parameters") or {}, f"function '{tool['name']}'", f"tools[{index}].parameters")
    choice = body.get("tool_choice")
    if choice == "required" and not tools:
        raise bad_request("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice")
    if not isinstance(choice, dict):
        return
    wanted = choice["tools"] if choice["type"] == "allowed_tools" else [choice]
    offered = [(tool["type"], tool.get("name")) for tool in tools]
    for each in wanted:
        if (each.get("type"), each.get("name")) not in offered:
            name = each.get("name") or each.get("type")
            raise bad_request(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")


def _check_strict(schema: Any, what: str, param: str) -> None:
    """Strict schemas name every property as required, and allow no others."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            message = f"Invalid schema for {what}: 'additionalProperties' is required to be supplied and to be false."
            raise bad_request(message, param, "invalid_function_parameters")
        if set(properties or {}) != set(schema.get("required") or []):
            message = f"Invalid schema for {what}: 'required' is required to include every key in properties."
            raise bad_request(message, param, "invalid_function_parameters")
    for each in (properties or {}).values():
        _check_strict(each, what, param)
    _check_strict(schema.get("items"), what, param)


def _check_calls(items: list[Body]) -> None:
    """Every call has its result after it, and every result its call before it."""
    calls: dict[str, str] = {}
    answered: set[str] = set()
    for item in items:
        kind = item.get("type") or ""
        if kind in _OUTPUT_OF:
            calls[item["call_id"]] = kind
        elif kind in _OUTPUT_OF.values():
            call_id = item["call_id"]
            if _OUTPUT_OF.get(calls.get(call_id, "")) != kind:
                what = kind.replace("_", " ")
                raise bad_request(f"No tool call found for {what} with call_id {call_id}.", "input")
            answered.add(call_id)
    for call_id, kind in calls.items():
        if call_id not in answered:
            raise bad_request(f"No tool output found for {kind.replace('_', ' ')} {call_id}.", "input")


_OUTPUT_OF: Final = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}


def _check_seals(items: list[Body], are_kept: bool) -> None:
    for item in items:
        sealed = item.get("encrypted_content") if item.get("type") == "reasoning" else None
        if sealed is not None and not sealed.startswith(SEALED):
            name = item.get("id") or "rs_unknown"
            message = f"The encrypted content for item {name} could not be verified."
            raise bad_request(message, None, "invalid_encrypted_content")
        if item.get("type") == "reasoning" and sealed is None and item.get("id") and not are_kept:
            message = f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
            raise Refusal(404, "invalid_request_error", message, param="input")


def _check_format(body: Body) -> None:
    wanted = (body.get("text") or {}).get("format") or {"type": "text"}
    if wanted["type"] == "json_schema" and wanted.get("strict"):
        _check_strict(wanted["schema"], f"response_format '{wanted['name']}'", "text.format.schema")
    said = f"{body.get('instructions') or ''} {body['input']}".lower()
    if wanted["type"] == "json_object" and "json" not in said:
        message = (
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type"
            " 'json_object'."
        )
        raise bad_request(message, "input")
