"""What OpenAI's chat completions, completions and embeddings refuse. Shapes follow the types of openai 3.54."""

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
    null_or,
)

_CACHE_BREAKPOINT = Object({"mode": Text(("explicit",))}, {"ttl": Text(("30m", "12h"))})
_PART_EXTRAS: dict[str, Shape] = {"prompt_cache_breakpoint": _CACHE_BREAKPOINT}
_TEXT_PART = Object({"type": Text(), "text": Text()}, _PART_EXTRAS)
_REFUSAL_PART = Object({"type": Text(), "refusal": Text()})
_IMAGE_PART = Object(
    {
        "type": Text(),
        "image_url": Object({"url": Text(shortest=1)}, {"detail": Text(("auto", "low", "high", "original"))}),
    },
    _PART_EXTRAS,
)
_AUDIO_PART = Object(
    {"type": Text(), "input_audio": Object({"data": Text(), "format": Text(("wav", "mp3"))})}, _PART_EXTRAS
)
_FILE_PART = Object(
    {"type": Text(), "file": Object({}, {"file_data": Text(), "file_id": Text(), "filename": Text()})}, _PART_EXTRAS
)
_TEXTS = Either({"string": Text(), "array": ListOf(Tagged({"text": _TEXT_PART}), 1)})
_USER_CONTENT = Either(
    {
        "string": Text(),
        "array": ListOf(
            Tagged({"text": _TEXT_PART, "image_url": _IMAGE_PART, "input_audio": _AUDIO_PART, "file": _FILE_PART}), 1
        ),
    }
)
_ASSISTANT_CONTENT = Either(
    {"string": Text(), "array": ListOf(Tagged({"text": _TEXT_PART, "refusal": _REFUSAL_PART}), 1)}
)
_FUNCTION_CALL = Object({"name": Text(), "arguments": Text()})
_TOOL_CALL = Tagged(
    {
        "function": Object({"id": Text(longest=40), "type": Text(), "function": _FUNCTION_CALL}),
        "custom": Object({"id": Text(longest=40), "type": Text(), "custom": Object({"name": Text(), "input": Text()})}),
    }
)
_NAME: dict[str, Shape] = {"name": Text(longest=64)}
_MESSAGE = Tagged(
    {
        "system": Object({"role": Text(), "content": _TEXTS}, _NAME),
        "developer": Object({"role": Text(), "content": _TEXTS}, _NAME),
        "user": Object({"role": Text(), "content": _USER_CONTENT}, _NAME),
        "assistant": Object(
            {"role": Text()},
            {
                "content": _ASSISTANT_CONTENT,
                "refusal": Text(),
                "tool_calls": ListOf(_TOOL_CALL, 1),
                "function_call": _FUNCTION_CALL,
                "audio": Object({"id": Text()}),
                **_NAME,
            },
        ),
        "tool": Object({"role": Text(), "content": _TEXTS, "tool_call_id": Text()}),
        "function": Object({"role": Text(), "content": null_or(Text(), "string"), "name": Text()}),
    },
    tag="role",
)
_FUNCTION = Object(
    {"name": Text(shortest=1, longest=64)}, {"description": Text(), "parameters": MapOf(), "strict": Flag()}
)
_CUSTOM_TOOL = Object({"name": Text()}, {"description": Text(), "format": Anything()})
_TOOL = Tagged(
    {
        "function": Object({"type": Text(), "function": _FUNCTION}),
        "custom": Object({"type": Text(), "custom": _CUSTOM_TOOL}),
    }
)
_TOOL_CHOICE = Either(
    {
        "string": Text(("none", "auto", "required")),
        "object": Tagged(
            {
                "function": Object({"type": Text(), "function": Object({"name": Text()})}),
                "custom": Object({"type": Text(), "custom": Object({"name": Text()})}),
                "allowed_tools": Object(
                    {
                        "type": Text(),
                        "allowed_tools": Object({"mode": Text(("auto", "required")), "tools": ListOf(MapOf())}),
                    }
                ),
            }
        ),
    }
)
_RESPONSE_FORMAT = Tagged(
    {
        "text": Object({"type": Text()}),
        "json_object": Object({"type": Text()}),
        "json_schema": Object(
            {
                "type": Text(),
                "json_schema": Object(
                    {"name": Text(shortest=1, longest=64)}, {"description": Text(), "schema": MapOf(), "strict": Flag()}
                ),
            }
        ),
    }
)
_STOP = Either({"string": Text(), "array": ListOf(Text(), 0, 4)})
_STREAM_OPTIONS = Object({}, {"include_usage": Flag(), "include_obfuscation": Flag()})
_SAMPLING: dict[str, Shape] = {
    "temperature": Number(0, 2),
    "top_p": Number(0, 1),
    "presence_penalty": Number(-2, 2),
    "frequency_penalty": Number(-2, 2),
    "n": Number(1, 128, whole=True),
    "seed": Number(whole=True),
    "stop": _STOP,
    "logit_bias": MapOf(Number(-100, 100)),
    "stream": Flag(),
    "stream_options": _STREAM_OPTIONS,
    "user": Text(),
    "max_tokens": Number(1, whole=True),
}
CHAT = Object(
    {"model": Text(), "messages": ListOf(_MESSAGE, 1)},
    {
        **_SAMPLING,
        "max_completion_tokens": Number(1, whole=True),
        "logprobs": Flag(),
        "top_logprobs": Number(0, 20, whole=True),
        "tools": ListOf(_TOOL, 1, 128),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": Flag(),
        "functions": ListOf(_FUNCTION, 1, 128),
        "function_call": Either({"string": Text(("none", "auto")), "object": Object({"name": Text()})}),
        "response_format": _RESPONSE_FORMAT,
        "reasoning_effort": Text(("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        "verbosity": Text(("low", "medium", "high")),
        "service_tier": Text(("auto", "default", "flex", "scale", "priority", "fast")),
        "metadata": MapOf(Text(longest=512)),
        "store": Flag(),
        "modalities": ListOf(Text(("text", "audio"))),
        "audio": MapOf(),
        "prediction": MapOf(),
        "moderation": MapOf(),
        "prompt_cache_key": Text(),
        "prompt_cache_options": Object({}, {"mode": Text(("implicit", "explicit")), "ttl": Text(("30m",))}),
        "prompt_cache_retention": Text(("in_memory", "24h")),
        "safety_identifier": Text(longest=64),
        "web_search_options": MapOf(),
    },
)
COMPLETIONS = Object(
    {
        "model": Text(),
        "prompt": Either({"string": Text(), "array": ListOf(Either({"string": Text(), "integer": Number()}), 1)}),
    },
    {
        **_SAMPLING,
        "max_tokens": Number(0, whole=True),
        "best_of": Number(1, 20, whole=True),
        "echo": Flag(),
        "logprobs": Number(0, 5, whole=True),
        "suffix": Text(),
    },
)
_TOKENS = ListOf(Number(whole=True), 1)
EMBEDDINGS = Object(
    {
        "model": Text(),
        "input": Either(
            {
                "string": Text(shortest=1),
                "array": ListOf(
                    Either({"string": Text(shortest=1), "integer": Number(whole=True), "array": _TOKENS}), 1, 2048
                ),
            }
        ),
    },
    {"dimensions": Number(1, whole=True), "encoding_format": Text(("float", "base64")), "user": Text()},
)

_KIND = "invalid_request_error"
_WORDING = {
    "missing": ("Missing required parameter: '{path}'.", "missing_required_parameter"),
    "unknown": ("Unknown parameter: '{path}'.", "unknown_parameter"),
    "type": ("Invalid type for '{path}': expected {expected}, but got {got} instead.", "invalid_type"),
    "value": ("Invalid value: '{got}'. Supported values are: {expected}.", "invalid_value"),
    "low": ("Invalid '{path}': below minimum value. Expected >= {expected}, got {got}.", "decimal_below_min_value"),
    "high": ("Invalid '{path}': above maximum value. Expected <= {expected}, got {got}.", "decimal_above_max_value"),
    "short": ("Invalid '{path}': too short. Expected at least {expected}, got {got}.", "too_short"),
    "long": ("Invalid '{path}': too long. Expected at most {expected}, got {got}.", "too_long"),
}


def dotted(path: Path) -> str:
    """A path as OpenAI writes it: `messages[0].content`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def refusal_for(problem: Problem) -> Refusal:
    """The 400 for a shape problem."""
    wording, code = _WORDING[problem.kind]
    path = dotted(problem.path)
    message = wording.format(path=path, expected=problem.expected, got=problem.got)
    return Refusal(400, _KIND, message, param=path, code=code)


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A 400 with OpenAI's error type."""
    return Refusal(400, _KIND, message, param=param, code=code)


def check_shape(body: object, shape: Shape) -> dict[str, object]:
    """The body, once it has the shape. Raises Refusal."""
    if not isinstance(body, dict):
        raise bad_request("The body of the request must be a JSON object.")
    problem = shape.check(body, ())
    if problem is not None:
        raise refusal_for(problem)
    return body


def check_chat(body: dict[str, object]) -> None:
    """The rules that span fields. Raises Refusal."""
    for name in ("tool_choice", "parallel_tool_calls"):
        if body.get(name) is not None and not body.get("tools"):
            raise bad_request(f"'{name}' is only allowed when 'tools' are specified.", name)
    if body.get("stream_options") is not None and not body.get("stream"):
        raise bad_request("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise bad_request("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "top_logprobs")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise bad_request("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    _check_named_tool(body)
    messages = body["messages"]
    if isinstance(messages, list):
        _check_tool_turns(messages)
        _check_json_word(body, messages)


def _check_named_tool(body: dict[str, object]) -> None:
    choice, tools = body.get("tool_choice"), body.get("tools")
    if not isinstance(choice, dict) or not isinstance(tools, list) or choice["type"] == "allowed_tools":
        return
    kind = choice["type"]
    wanted = choice[kind]["name"]
    if wanted not in [tool[kind]["name"] for tool in tools if tool["type"] == kind]:
        raise bad_request(f"Tool choice '{wanted}' not found in 'tools' parameter.", "tool_choice")


def _check_tool_turns(messages: list[dict[str, object]]) -> None:
    open_ids: list[str] = []
    after_calls = False
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            call_id = str(message["tool_call_id"])
            if not after_calls:
                raise bad_request(
                    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                    f"messages[{index}].role",
                )
            if call_id not in open_ids:
                raise bad_request(
                    f"No tool call with id '{call_id}' awaits a result.", f"messages[{index}].tool_call_id"
                )
            open_ids.remove(call_id)
            continue
        _check_answered(open_ids)
        calls = message.get("tool_calls")
        after_calls = isinstance(calls, list)
        open_ids = [str(call["id"]) for call in calls] if isinstance(calls, list) else []
        if role == "assistant" and not after_calls and message.get("content") is None and not _says_otherwise(message):
            raise bad_request(
                "An assistant message needs 'content' unless 'tool_calls' is specified.", f"messages[{index}].content"
            )
    _check_answered(open_ids)


def _says_otherwise(message: dict[str, object]) -> bool:
    return any(message.get(name) is not None for name in ("refusal", "function_call", "audio"))


def _check_answered(open_ids: list[str]) -> None:
    if open_ids:
        raise bad_request(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
            "messages",
        )


def _check_json_word(body: dict[str, object], messages: list[dict[str, object]]) -> None:
    response_format = body.get("response_format")
    if not isinstance(response_format, dict) or response_format["type"] != "json_object":
        return
    if "json" not in " ".join(str(message.get("content")) for message in messages).lower():
        raise bad_request(
            "'messages' must contain the word 'json' in some form to use 'response_format' of type 'json_object'.",
            "messages",
        )
