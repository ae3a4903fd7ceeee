"""What the Gemini API (`v1beta`) refuses. Shapes follow the types of google-genai 3.4."""

import re
from typing import Any, Final

from entresol.scripted import media
from entresol.scripted.script import Refusal
from entresol.scripted.shape import Anything, Either, Flag, ListOf, MapOf, Number, Object, Path, Problem, Shape, Text

_SCHEMA_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED")
_INT = Either({"integer": Number(whole=True), "string": Text()})
_SCHEMA_FIELDS: dict[str, Shape] = {}
_SCHEMA = Object({}, _SCHEMA_FIELDS)
_SCHEMA_FIELDS.update(
    {
        "type": Text((*_SCHEMA_TYPES, *(name.lower() for name in _SCHEMA_TYPES))),
        "properties": MapOf(_SCHEMA),
        "items": _SCHEMA,
        "anyOf": ListOf(_SCHEMA),
        "defs": MapOf(_SCHEMA),
        "enum": ListOf(Text()),
        "required": ListOf(Text()),
        "propertyOrdering": ListOf(Text()),
        "nullable": Flag(),
        **dict.fromkeys(("description", "format", "pattern", "title", "ref"), Text()),
        **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), _INT),
        **dict.fromkeys(("minimum", "maximum"), Number()),
        **dict.fromkeys(("default", "example", "additionalProperties"), Anything()),
    }
)
_BLOB = Object({}, {"mimeType": Text(), "data": Text(), "displayName": Text()})
_FILE = Object({}, {"mimeType": Text(), "fileUri": Text(), "displayName": Text()})
_RESULT_PART = Object({}, {"inlineData": _BLOB, "fileData": _FILE, "mediaResolution": MapOf()})
_DATA_FIELDS: dict[str, Shape] = {
    "text": Text(),
    "inlineData": _BLOB,
    "fileData": _FILE,
    "functionCall": Object({}, {"id": Text(), "name": Text(), "args": MapOf()}),
    "functionResponse": Object(
        {},
        {
            "id": Text(),
            "name": Text(),
            "response": MapOf(),
            "parts": ListOf(_RESULT_PART),
            "willContinue": Flag(),
            "scheduling": Text(),
        },
    ),
    "executableCode": MapOf(),
    "codeExecutionResult": MapOf(),
    "toolCall": MapOf(),
    "toolResponse": MapOf(),
}
_PART = Object(
    {},
    {
        **_DATA_FIELDS,
        "thought": Flag(),
        "thoughtSignature": Text(),
        "videoMetadata": MapOf(),
        "mediaResolution": MapOf(),
        "partMetadata": MapOf(),
        "mediaProcessing": Text(),
    },
)
_CONTENT = Object({}, {"role": Text(), "parts": ListOf(_PART)})
_DECLARATION = Object(
    {"name": Text(shortest=1)},
    {
        "description": Text(),
        "parameters": _SCHEMA,
        "parametersJsonSchema": Anything(),
        "response": _SCHEMA,
        "responseJsonSchema": Anything(),
        "behavior": Text(("BLOCKING", "NON_BLOCKING", "UNSPECIFIED")),
    },
)
_TOOL = Object(
    {},
    {
        "functionDeclarations": ListOf(_DECLARATION),
        **dict.fromkeys(
            ("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "computerUse", "fileSearch"),
            MapOf(),
        ),
        "googleMaps": MapOf(),
        "mcpServers": ListOf(MapOf()),
    },
)
_TOOL_CONFIG = Object(
    {},
    {
        "functionCallingConfig": Object(
            {},
            {
                "mode": Text(("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")),
                "allowedFunctionNames": ListOf(Text()),
                "streamFunctionCallArguments": Flag(),
            },
        ),
        "retrievalConfig": MapOf(),
        "includeServerSideToolInvocations": Flag(),
    },
)
_GENERATION_CONFIG = Object(
    {},
    {
        "temperature": Number(0, 2),
        "topP": Number(0, 1),
        "topK": Number(0),
        "candidateCount": Number(1, 8, whole=True),
        "maxOutputTokens": Number(1, whole=True),
        "stopSequences": ListOf(Text(), 0, 5),
        "responseLogprobs": Flag(),
        "logprobs": Number(0, 20, whole=True),
        "presencePenalty": Number(-2, 2),
        "frequencyPenalty": Number(-2, 2),
        "seed": Number(-(2**31), 2**31 - 1, whole=True),
        "responseMimeType": Text(("text/plain", "application/json", "text/x.enum")),
        "responseSchema": _SCHEMA,
        "responseJsonSchema": Anything(),
        "responseFormat": Anything(),
        "responseModalities": ListOf(Text(("TEXT", "IMAGE", "AUDIO"))),
        "mediaResolution": Text(),
        "speechConfig": MapOf(),
        "imageConfig": MapOf(),
        "thinkingConfig": Object(
            {},
            {
                "includeThoughts": Flag(),
                "thinkingBudget": Number(-1, 32768, whole=True),
                "thinkingLevel": Text(("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")),
            },
        ),
        "enableEnhancedCivicAnswers": Flag(),
        "audioTranscriptionConfig": MapOf(),
        "continuationToken": Text(),
    },
)
_OPTIONAL: dict[str, Shape] = {
    "contents": ListOf(_CONTENT),
    "systemInstruction": _CONTENT,
    "tools": ListOf(_TOOL),
    "toolConfig": _TOOL_CONFIG,
    "safetySettings": ListOf(Object({}, {"category": Text(), "threshold": Text(), "method": Text()})),
    "generationConfig": _GENERATION_CONFIG,
    "cachedContent": Text(),
    "labels": MapOf(Text()),
    "serviceTier": Text(("unspecified", "flex", "standard", "priority")),
    "store": Flag(),
    "model": Text(),
}
GENERATE: Final = Object({}, _OPTIONAL)
COUNT: Final = Object({}, {"contents": ListOf(_CONTENT), "generateContentRequest": GENERATE, "model": Text()})
EMBED: Final = Object(
    {"content": _CONTENT},
    {
        "model": Text(),
        "taskType": Text(),
        "title": Text(),
        "outputDimensionality": Number(1, 3072, whole=True),
    },
)
BATCH_EMBED: Final = Object({"requests": ListOf(EMBED, 1)}, {"model": Text()})

_FREE: Final = frozenset(
    {"args", "response", "responseJsonSchema", "parametersJsonSchema", "labels", "partMetadata", "default", "example"}
)
_APPLICATIONS: Final = frozenset(
    ("application/pdf", "application/json", "application/rtf", "application/xml", "application/x-javascript")
)
_SNAKE = re.compile(r"_([a-z0-9])")


def camel(name: str) -> str:
    """`max_output_tokens` as `maxOutputTokens`."""
    return _SNAKE.sub(lambda match: match.group(1).upper(), name)


def normalised(value: Any, free: bool = False) -> Any:
    """The body with proto field names in one spelling: the API takes snake_case and lowerCamelCase alike."""
    if isinstance(value, list):
        return [normalised(item, free) for item in value]
    if not isinstance(value, dict) or free:
        return value
    result: dict[str, Any] = {}
    for key, item in value.items():
        name = camel(key)
        if name in ("properties", "defs") and isinstance(item, dict):
            result[name] = {inner: normalised(schema) for inner, schema in item.items()}
        else:
            # A function declaration's `response` is a schema, a function response's is the caller's JSON.
            result[name] = normalised(item, free=name in _FREE)
    return result


def invalid(message: str) -> Refusal:
    """A 400 with Gemini's status word."""
    return Refusal(400, "INVALID_ARGUMENT", message)


def _snake_path(path: Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            snake = re.sub(r"([A-Z])", lambda match: "_" + match.group(1).lower(), step)
            text += f".{snake}" if text else snake
    return text


def refusal_for(problem: Problem) -> Refusal:
    """The 400 for a shape problem."""
    where = _snake_path(problem.path)
    if problem.kind == "unknown":
        parent = _snake_path(problem.path[:-1])
        at = f" at '{parent}'" if parent else ""
        return invalid(f'Invalid JSON payload received. Unknown name "{problem.path[-1]}"{at}: Cannot find field.')
    if problem.kind == "missing":
        return invalid(f"* {where}: {problem.path[-1]} is not specified")
    if problem.kind in ("low", "high"):
        bound = "at least" if problem.kind == "low" else "at most"
        return invalid(f"* {where}: value {problem.got} is out of range, it must be {bound} {problem.expected}")
    if problem.kind in ("short", "long"):
        return invalid(f"* {where}: {problem.got} items given, the limit is {problem.expected}")
    return invalid(f"Invalid value at '{where}' ({problem.expected}), {problem.got!r}")


def check_shape(body: object, shape: Shape) -> dict[str, Any]:
    """The body in one spelling, once it has the shape. Raises Refusal."""
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. Root element must be a message.")
    known: dict[str, Any] = normalised(body)
    problem = shape.check(known, ())
    if problem is not None:
        raise refusal_for(problem)
    return known


def check_generate(body: dict[str, Any], model: str) -> None:
    """The rules that span fields. Raises Refusal."""
    if not body.get("contents"):
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    config = body.get("generationConfig") or {}
    wants_schema = config.get("responseSchema") is not None or config.get("responseJsonSchema") is not None
    if wants_schema and config.get("responseMimeType") not in ("application/json", "text/x.enum"):
        raise invalid("Response schema is only supported with response_mime_type application/json.")
    if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
        raise invalid("Only one of response_schema and response_json_schema may be set.")
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        raise invalid("logprobs may only be set when response_logprobs is true.")
    thinking = config.get("thinkingConfig") or {}
    if thinking.get("thinkingBudget") is not None and thinking.get("thinkingLevel") is not None:
        raise invalid("Only one of thinking_budget and thinking_level may be set.")
    _check_tool_config(body)
    for index, content in enumerate(body["contents"]):
        _check_content(content, f"contents[{index}]")
    if body.get("systemInstruction") is not None:
        _check_content({**body["systemInstruction"], "role": "user"}, "system_instruction")
    _check_turns(body["contents"])
    if re.search(r"gemini-3", model):
        _check_signatures(body["contents"])


def _check_tool_config(body: dict[str, Any]) -> None:
    declared = [item["name"] for tool in body.get("tools") or [] for item in tool.get("functionDeclarations") or []]
    for tool in body.get("tools") or []:
        for item in tool.get("functionDeclarations") or []:
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", item["name"]):
                raise invalid(f"Invalid function name {item['name']!r}: letters, digits, _ . : - only, 64 at most.")
            if item.get("parameters") is not None and item.get("parametersJsonSchema") is not None:
                raise invalid("Only one of parameters and parameters_json_schema may be set.")
    if len(set(declared)) != len(declared):
        raise invalid("Duplicate function declaration found.")
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig")
    if calling is None:
        return
    if not declared:
        raise invalid("Function calling config is set without function_declarations.")
    allowed = calling.get("allowedFunctionNames") or []
    if allowed and calling.get("mode") not in ("ANY", "VALIDATED"):
        raise invalid("allowed_function_names should only be set when the function calling mode is ANY.")
    unknown = [name for name in allowed if name not in declared]
    if unknown:
        raise invalid(f"allowed_function_names contains {unknown[0]!r}, which is not declared.")


def _check_content(content: dict[str, Any], where: str) -> None:
    if content.get("role") not in (None, "user", "model", "function"):
        raise invalid("Please use a valid role: user, model.")
    parts = content.get("parts")
    if not parts:
        raise invalid(f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.")
    for index, part in enumerate(parts):
        kinds = [name for name in _DATA_FIELDS if part.get(name) is not None]
        if len(kinds) != 1:
            raise invalid(
                f"* GenerateContentRequest.{where}.parts[{index}].data: required oneof field 'data' must have one "
                "initialized field"
            )
        _check_part(part, kinds[0], f"{where}.parts[{index}]")


def _check_part(part: dict[str, Any], kind: str, where: str) -> None:
    if kind in ("functionCall", "functionResponse") and not part[kind].get("name"):
        raise invalid(f"* GenerateContentRequest.{where}.{kind}.name: Name cannot be empty.")
    try:
        if part.get("thoughtSignature") is not None:
            media.decode_base64(_padded(part["thoughtSignature"]), url_safe=True)
        if kind == "inlineData":
            blob = part[kind]
            if not blob.get("mimeType"):
                raise invalid(f"* GenerateContentRequest.{where}.inline_data.mime_type: is not specified")
            _check_media_type(blob["mimeType"])
            media.decode_media(blob.get("data") or "", blob["mimeType"], url_safe=True)
        if kind == "fileData":
            _check_file(part[kind], where)
    except media.BadMedia as problem:
        raise invalid(f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed or {problem}.") from problem


def _check_file(file: dict[str, Any], where: str) -> None:
    if not file.get("fileUri"):
        raise invalid(f"* GenerateContentRequest.{where}.file_data.file_uri: is not specified")
    if not file["fileUri"].startswith(("http://", "https://", "gs://")):
        raise invalid("Unsupported file URI type.")
    if file.get("mimeType") is not None:
        _check_media_type(file["mimeType"])


def _check_media_type(media_type: str) -> None:
    is_known = media_type.startswith(("image/", "audio/", "video/", "text/")) or media_type in _APPLICATIONS
    if not is_known or ";" in media_type:
        raise invalid(f"Unsupported MIME type: {media_type}")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _names(content: dict[str, Any], kind: str) -> list[str]:
    return [part[kind]["name"] for part in content["parts"] if part.get(kind) is not None]


def _check_turns(contents: list[dict[str, Any]]) -> None:
    waiting: list[str] = []
    previous_role = ""
    for content in contents:
        calls, results = _names(content, "functionCall"), _names(content, "functionResponse")
        role = content.get("role") or "user"
        if calls and previous_role not in ("user", "function"):
            raise invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        if results and not waiting:
            raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
        if waiting and len(results) != len(waiting):
            raise invalid(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if waiting and sorted(results) != sorted(waiting):
            raise invalid("Please ensure that function response names match the names of the function call turn.")
        waiting = calls
        previous_role = role
    if waiting:
        raise invalid("Please ensure that function call turn is followed by a function response turn.")


def _check_signatures(contents: list[dict[str, Any]]) -> None:
    """Since Gemini 3 the first call of every step of the current turn must bring its thought signature back."""
    start = 0
    for index, content in enumerate(contents):
        if (content.get("role") or "user") == "user" and any(part.get("text") is not None for part in content["parts"]):
            start = index
    for content in contents[start:]:
        first = next((part for part in content["parts"] if part.get("functionCall") is not None), None)
        if first is not None and not first.get("thoughtSignature"):
            raise invalid("Function call is missing a thought_signature in functionCall parts.")
