"""What Bedrock's Converse refuses. Shapes follow the service model `bedrock-runtime` (2023-09-30) of botocore 1.43."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from entresol.scripted.bedrock_turns import check_turns, invalid
from entresol.scripted.shape import Anything, Flag, ListOf, MapOf, Number, Object, Path, Problem, Shape, Text, json_type


class OneOf(msgspec.Struct, frozen=True):
    """A union: an object that has exactly one of some members."""

    members: Mapping[str, Shape]

    def check(self, value: object, path: Path) -> Problem | None:
        if not isinstance(value, dict):
            return Problem("type", path, "structure", json_type(value))
        unknown = next((name for name in value if name not in self.members), None)
        if unknown is not None:
            return Problem("unknown", (*path, unknown))
        given = [name for name, item in value.items() if item is not None]
        if len(given) != 1:
            return Problem("value", path, "exactly one member of the union", ", ".join(given) or "none")
        return self.members[given[0]].check(value[given[0]], (*path, given[0]))


_POINT = Object({"type": Text(("default",))}, {"ttl": Text(("5m", "1h"))}, nulls=False)
_S3 = Object({"uri": Text(shortest=6, longest=1024)}, {"bucketOwner": Text()}, nulls=False)
_SOURCE = OneOf({"bytes": Text(shortest=1), "s3Location": _S3})
_CITATIONS = Object({"enabled": Flag()}, nulls=False)
_IMAGE = Object({"format": Text(("png", "jpeg", "gif", "webp")), "source": _SOURCE}, nulls=False)
_VIDEO_WORDS = ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp")
_VIDEO = Object({"format": Text(_VIDEO_WORDS), "source": _SOURCE}, nulls=False)
_AUDIO_WORDS = (
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"
)  # fmt: skip
_AUDIO = Object({"format": Text(_AUDIO_WORDS), "source": _SOURCE}, nulls=False)
_PIECES = ListOf(OneOf({"text": Text()}), 1)
_DOCUMENT = Object(
    {
        "name": Text(shortest=1, longest=200),
        "source": OneOf({"bytes": Text(shortest=1), "s3Location": _S3, "text": Text(), "content": _PIECES}),
    },
    {
        "format": Text(("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")),
        "context": Text(),
        "citations": _CITATIONS,
    },
    nulls=False,
)
_SEARCH = Object(
    {"source": Text(), "title": Text(), "content": ListOf(Object({"text": Text()}, nulls=False))},
    {"citations": _CITATIONS},
    nulls=False,
)
_GUARD = OneOf(
    {
        "text": Object(
            {"text": Text()}, {"qualifiers": ListOf(Text(("grounding_source", "query", "guard_content")))}, nulls=False
        ),
        "image": Object({"format": Text(("png", "jpeg")), "source": OneOf({"bytes": Text(shortest=1)})}, nulls=False),
    }
)
_ID = Text(shortest=1, longest=64)
_NAME = Text(shortest=1, longest=64)
_RESULT_BLOCK = OneOf(
    {
        "json": Anything(),
        "text": Text(),
        "image": _IMAGE,
        "document": _DOCUMENT,
        "video": _VIDEO,
        "searchResult": _SEARCH,
    }
)
_BLOCK = OneOf(
    {
        "text": Text(),
        "image": _IMAGE,
        "document": _DOCUMENT,
        "video": _VIDEO,
        "audio": _AUDIO,
        "toolUse": Object(
            {"toolUseId": _ID, "name": _NAME, "input": Anything()}, {"type": Text(("server_tool_use",))}, nulls=False
        ),
        "toolResult": Object(
            {"toolUseId": _ID, "content": ListOf(_RESULT_BLOCK)},
            {"status": Text(("success", "error")), "type": Text()},
            nulls=False,
        ),
        "guardContent": _GUARD,
        "cachePoint": _POINT,
        "reasoningContent": OneOf(
            {
                "reasoningText": Object({"text": Text()}, {"signature": Text()}, nulls=False),
                "redactedContent": Text(shortest=1),
            }
        ),
        "citationsContent": Object({}, {"content": _PIECES, "citations": ListOf(MapOf())}, nulls=False),
        "searchResult": _SEARCH,
        "toolAddition": MapOf(),
        "toolRemoval": MapOf(),
    }
)
_MESSAGE = Object({"role": Text(("user", "assistant", "system")), "content": ListOf(_BLOCK)}, nulls=False)
_SPEC = Object(
    {"name": _NAME, "inputSchema": OneOf({"json": MapOf()})},
    {"description": Text(shortest=1), "strict": Flag()},
    nulls=False,
)
_EMPTY = Object(nulls=False)
_TOOL_CONFIG = Object(
    {
        "tools": ListOf(
            OneOf({"toolSpec": _SPEC, "systemTool": Object({"name": _NAME}, nulls=False), "cachePoint": _POINT}), 1
        )
    },
    {"toolChoice": OneOf({"auto": _EMPTY, "any": _EMPTY, "tool": Object({"name": _NAME}, nulls=False)})},
    nulls=False,
)
_JSON_SCHEMA = Object({"schema": Text()}, {"name": Text(), "description": Text()}, nulls=False)
_OPTIONAL: dict[str, Shape] = {
    "messages": ListOf(_MESSAGE),
    "system": ListOf(OneOf({"text": Text(shortest=1), "guardContent": _GUARD, "cachePoint": _POINT})),
    "inferenceConfig": Object(
        {},
        {
            "maxTokens": Number(1, whole=True),
            "temperature": Number(0, 1),
            "topP": Number(0, 1),
            "stopSequences": ListOf(Text(shortest=1), 0, 2500),
        },
        nulls=False,
    ),
    "toolConfig": _TOOL_CONFIG,
    "guardrailConfig": Object(
        {},
        {
            "guardrailIdentifier": Text(),
            "guardrailVersion": Text(),
            "trace": Text(("enabled", "disabled", "enabled_full")),
            "streamProcessingMode": Text(("sync", "async")),
        },
        nulls=False,
    ),
    "additionalModelRequestFields": Anything(),
    "promptVariables": MapOf(),
    "additionalModelResponseFieldPaths": ListOf(Text(shortest=1, longest=256), 0, 10),
    "requestMetadata": MapOf(Text(longest=256)),
    "performanceConfig": Object({}, {"latency": Text(("standard", "optimized"))}, nulls=False),
    "serviceTier": Object({"type": Text(("priority", "default", "flex", "reserved"))}, nulls=False),
    "outputConfig": Object(
        {},
        {
            "textFormat": Object(
                {"type": Text(("json_schema",)), "structure": OneOf({"jsonSchema": _JSON_SCHEMA})}, nulls=False
            ),
            "effort": Text(longest=16),
        },
        nulls=False,
    ),
}
_CONVERSE: Final = Object({}, _OPTIONAL, nulls=False)
_CLAUDE_FIELDS: Final = frozenset(
    ("top_k", "thinking", "tool_choice", "anthropic_beta", "output_config", "anthropic_version", "reasoning_config")
)
_TAG: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]*")


def check_converse(body: object, model: str) -> dict[str, Any]:
    """The body, once Bedrock would take it. Raises Refusal."""
    if not isinstance(body, dict):
        raise invalid("The format of the request is not valid: a JSON object is needed.")
    problem = _CONVERSE.check(body, ())
    if problem is not None:
        raise invalid(_words(problem))
    if "messages" not in body:
        raise invalid("Value at 'messages' failed to satisfy constraint: Member must not be null")
    _check_tools(body)
    check_turns(body, model)
    _check_settings(body, model)
    return body


def _words(problem: Problem) -> str:
    where = ".".join(str(step) for step in problem.path)
    if problem.kind == "unknown":
        return f"Malformed input request: extraneous key [{problem.path[-1]}] is not permitted at {where}"
    if problem.kind == "missing":
        return f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must not be null"
    if problem.kind == "value":
        return f"Value '{problem.got}' at '{where}' failed to satisfy constraint: Member must be {problem.expected}"
    if problem.kind in ("short", "long", "low", "high"):
        side = "greater" if problem.kind in ("short", "low") else "less"
        return f"Value {problem.got} at '{where}': Member must be {side} than or equal to {problem.expected}"
    return f"The value at {where} is of type {problem.got}, expected {problem.expected}"


def _check_tools(body: dict[str, Any]) -> None:
    config = body.get("toolConfig") or {"tools": []}
    specs = [tool["toolSpec"] for tool in config["tools"] if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    for at, spec in enumerate(specs):
        where = f"toolConfig.tools.{at}.toolSpec"
        if re.fullmatch("[a-zA-Z0-9_-]+", spec["name"]) is None:
            raise invalid(f"Value '{spec['name']}' at '{where}.name': Member must satisfy pattern [a-zA-Z0-9_-]+")
        if spec["inputSchema"]["json"].get("type") != "object":
            raise invalid(f"The value at {where}.inputSchema.json.type must be one of the following: object.")
    if len(set(names)) != len(names):
        raise invalid("The tool names in toolConfig.tools must be unique.")
    if config["tools"] and "cachePoint" in config["tools"][0]:
        raise invalid("The first element of toolConfig.tools must not be a cachePoint.")
    choice = config.get("toolChoice") or {}
    if "tool" in choice and choice["tool"]["name"] not in names:
        raise invalid(f"The tool {choice['tool']['name']} in toolConfig.toolChoice is not one of toolConfig.tools.")


def _check_settings(body: dict[str, Any], model: str) -> None:
    metadata = body.get("requestMetadata")
    if metadata is not None and not 1 <= len(metadata) <= 16:
        raise invalid("Member at 'requestMetadata' must have length between 1 and 16")
    for name, value in (metadata or {}).items():
        if not name or _TAG.fullmatch(name) is None or _TAG.fullmatch(value) is None:
            raise invalid("Map at 'requestMetadata' failed to satisfy constraint: Member must satisfy pattern")
    wanted = (body.get("outputConfig") or {}).get("textFormat")
    if wanted is not None:
        _check_schema(wanted["structure"]["jsonSchema"]["schema"])
    additional = body.get("additionalModelRequestFields")
    if additional is not None and "claude" in model:
        _check_claude(body, additional)
    inference = body.get("inferenceConfig") or {}
    if "temperature" in inference and "topP" in inference and re.search(r"claude-(?:sonnet|opus|haiku)-", model):
        raise invalid("`temperature` and `top_p` cannot both be specified for this model.")


def _check_schema(text: str) -> None:
    try:
        schema = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise invalid("outputConfig.textFormat.structure.jsonSchema.schema is not valid JSON") from error
    if _is_open(schema):
        raise invalid("outputConfig.textFormat: For 'object' type, 'additionalProperties' must be set to false")


def _is_open(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_is_open(item) for item in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return True
    return any(_is_open(value) for value in schema.values())


def _check_claude(body: dict[str, Any], additional: Any) -> None:
    """What models of Anthropic's refuse in the fields that are theirs."""
    if not isinstance(additional, dict):
        raise invalid("Malformed input request: additionalModelRequestFields must be an object")
    extraneous = next((name for name in additional if name not in _CLAUDE_FIELDS), None)
    if extraneous is not None:
        raise invalid(f"Malformed input request: #: extraneous key [{extraneous}] is not permitted")
    own, config = additional.get("tool_choice"), body.get("toolConfig") or {}
    if own is not None and ("type" not in own or not config):
        raise invalid("The model returned the following errors: tool_choice.type: Field required")
    if own is not None and "toolChoice" in config:
        raise invalid("The model returned the following errors: tool_choice: conflicts with toolConfig.toolChoice")
    thinking = additional.get("thinking") or {"type": "disabled"}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return
    inference = body.get("inferenceConfig") or {}
    if thinking["type"] == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < inference.get("maxTokens", 1e9):
        raise invalid(
            "The model returned the following errors: thinking.budget_tokens must be between 1024 and maxTokens"
        )
    forced = not {"any", "tool"}.isdisjoint(config.get("toolChoice") or {}) or (own or {}).get("type") in (
        "any",
        "tool",
    )
    if forced:
        raise invalid(
            "The model returned the following errors: Thinking may not be enabled when tool_choice forces tool use."
        )
    if inference.get("temperature") not in (None, 1) or "top_k" in additional:
        raise invalid("The model returned the following errors: `temperature` and `top_k` must be unset with thinking.")
