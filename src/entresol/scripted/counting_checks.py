"""What endpoints that count tokens refuse: they take less than those that generate.

Sources: openai 3.54 (`InputTokenCountParams`), google-genai 3.4 and the references of the Gemini API and of Vertex AI
("CountTokensRequest"), the service model `bedrock-runtime` (2023-09-30, "CountTokens").
"""

import base64
import binascii
import re
from typing import Any, Final

import msgspec

from entresol.scripted import gemini_checks, openai_checks, responses_checks
from entresol.scripted.bedrock_checks import check_converse
from entresol.scripted.bedrock_turns import invalid
from entresol.scripted.shape import Object, Text

_OPENAI: Final = (
    "input", "instructions", "parallel_tool_calls", "reasoning", "text", "tool_choice", "tools", "truncation",
    "conversation", "previous_response_id",
)  # fmt: skip
INPUT_TOKENS: Final = Object(
    {"model": Text()},
    {**{name: responses_checks.RESPONSES.optional[name] for name in _OPENAI}, "personality": Text(longest=64)},
)
_VERTEX: Final = Object(
    {},
    {name: gemini_checks.GENERATE.optional[name] for name in ("contents", "systemInstruction", "tools", "model")}
    | {"generationConfig": gemini_checks.GENERATE.optional["generationConfig"]},
)
_COUNTED: Final = re.compile(r"anthropic\.claude-(?!v\d|instant|3-(?:haiku|sonnet|opus)-)")
_CONVERSED: Final = ("messages", "system", "toolConfig", "additionalModelRequestFields")


def check_input_tokens(body: object) -> dict[str, Any]:
    """OpenAI's, once it may pass. Raises Refusal."""
    known = openai_checks.check_shape(body, INPUT_TOKENS)
    responses_checks.check_responses(known)
    return known


def check_gemini_count(body: object, model: str) -> dict[str, Any]:
    """The request that is to be counted. Raises Refusal."""
    known = gemini_checks.check_shape(body, gemini_checks.COUNT)
    whole = known.get("generateContentRequest")
    if whole is not None and known.get("contents"):
        raise gemini_checks.invalid("contents and generate_content_request are mutually exclusive.")
    if whole is not None and whole.get("model") != f"models/{model}":
        raise gemini_checks.invalid("* CountTokensRequest.generate_content_request.model: unexpected model name format")
    inner: dict[str, Any] = known if whole is None else whole
    gemini_checks.check_generate(inner, model)
    return inner


def check_vertex_count(body: object, model: str) -> dict[str, Any]:
    """The same at Vertex AI, which knows no whole requests. Raises Refusal."""
    known = gemini_checks.check_shape(body, _VERTEX)
    gemini_checks.check_generate(known, model)
    return known


def check_bedrock_count(body: object, model: str) -> tuple[str, dict[str, Any]]:
    """Bedrock's: `converse` and such a request, or `invokeModel` and the body of one. Raises Refusal."""
    if _COUNTED.match(model) is None:  # as it says, too, where a region stands before a model that can be counted
        raise invalid("The provided model doesn't support counting tokens.")
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(given, dict) or not isinstance(body, dict) or set(body) != {"input"}:
        raise invalid(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must not be null"
        )
    if len(given) != 1 or not set(given) <= {"converse", "invokeModel"}:
        raise invalid("The input has to be exactly one of converse and invokeModel.")
    [(kind, inner)] = given.items()
    if not isinstance(inner, dict):
        raise invalid(f"The value at input.{kind} is no structure.")
    unknown = [name for name in inner if name not in (_CONVERSED if kind == "converse" else ("body",))]
    if unknown:
        raise invalid(f"Malformed input request: extraneous key [{unknown[0]}] is not permitted at input.{kind}")
    return kind, check_converse(inner, model) if kind == "converse" else _body_in(inner)


def _body_in(inner: dict[str, Any]) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(base64.b64decode(inner["body"], validate=True))
    except (KeyError, TypeError, binascii.Error, ValueError) as error:
        raise invalid("Malformed input request: the body is not JSON in base64.") from error
    if not isinstance(body, dict):
        raise invalid("Malformed input request: the body is no JSON object.")
    return body
