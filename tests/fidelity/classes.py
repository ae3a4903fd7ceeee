"""What becomes of each field of a wire in each other wire: found out by translating, not by reading the code."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.format import ChatFormat, Profile
from entresol.llm.registry import format_named
from fidelity.schemas import Specimen
from fidelity.wires import WIRES, Wire

OPENAI = Profile(
    provider="openai",
    max_tokens_field="max_completion_tokens",
    has_developer_role=True,
    takes_cache_marks=True,
    unsupported=frozenset(("top_k",)),
)
PROFILES = {"openai-chat": OPENAI, "openai-responses": OPENAI}
MODELS = {"bedrock-converse": "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic-messages": "claude-sonnet-4-5"}
"""Models that can do what a wire can say."""

MAPPED, DROPPED, REFUSED, SAME, INVALID, LOST = "mapped", "dropped", "refused", "same", "invalid", "LOST"


def chat_format(name: str) -> ChatFormat:
    """A chat format by name."""
    found = format_named(name)
    assert isinstance(found, ChatFormat)
    return found


def translated(wire: Wire, source: ChatFormat, target: ChatFormat, body: Any) -> tuple[Any, frozenset[str]]:
    """A request in another wire, and what was dropped. Raises ClientError."""
    request = source.decode_request(msgspec.json.encode(body), wire.path)
    request.model = MODELS.get(target.name, "a-model")
    encoded = target.encode_request(request, PROFILES.get(target.name, Profile(provider=target.name)))
    return msgspec.json.decode(encoded.body), frozenset(encoded.dropped)


def class_of(wire: Wire, source: ChatFormat, target: ChatFormat, specimen: Specimen) -> str:
    """What becomes of the one thing that a specimen says more."""
    try:
        body, dropped = translated(wire, source, target, wire.complete(specimen.instance))
    except ClientError as error:
        return REFUSED if error.code == "unsupported_by_provider" else f"{INVALID}: {error.message}"
    try:
        before, dropped_before = translated(wire, source, target, wire.complete(specimen.without))
    except ClientError:
        return MAPPED  # without it the request makes no sense
    if dropped - dropped_before:
        return DROPPED
    if body != before:
        return MAPPED
    told = {bare(source.own_path(each)) for each in dropped} | {bare(each) for each in dropped}
    if any(covers(each, bare(specimen.path)) for each in told):
        return DROPPED  # with what it belongs to
    return SAME if why_same(specimen.path) is not None else LOST


def bare(path: str) -> str:
    """A path without the names of variants and the marks of lists."""
    return re.sub(r"<[^>]*>|\[\]", "", path)


def covers(told: str, path: str) -> bool:
    """Whether a loss that was told is this field, or something that it is a part of."""
    words, where = told.split("."), path.split(".")
    if told == path or path.startswith(f"{told}."):
        return True
    is_near = words[0] == where[0] or (words[0] == "messages" and where[0] in ("system", "systemInstruction"))
    return is_near and words[-1] in where


def why_same(path: str) -> str | None:
    """Why nothing is lost with a field that leaves no trace; None if something is."""
    return next((why for pattern, why in SAME_FIELDS if re.fullmatch(pattern, path) is not None), None)


EMPTY = "an object without anything in it"
FIRST = "the form that the request has without it"
RULE = "what holds without it"
SAME_FIELDS: tuple[tuple[str, str], ...] = (
    (
        r"generationConfig|toolConfig|toolConfig\.functionCallingConfig|inferenceConfig|outputConfig|output_config",
        EMPTY,
    ),
    (r"text|reasoning|stream_options|additionalModelRequestFields|generationConfig\.thinkingConfig|tools", EMPTY),
    (r".*content\[\](<\w+>)?\.?(content\[\])?<(text|input_text|output_text|refusal|json)>", FIRST),
    (r".*output\[\]<input_text>|.*<bytes>|.*guardContent<text>|toolConfig\.tools\[\]<toolSpec>", FIRST),
    (r"input\[\]<user>\.type|tools\[\]\.type|messages\[\]<user>|input\[\]<additional_tools>", FIRST),
    (r".*\.role|systemInstruction", "the role of the user, or of the system, which it has anyway"),
    (r"modalities|generationConfig\.responseModalities", "text, which answers are anyway"),
    (r"response_format(<text>)?|text\.format(<text>)?|format", "text, which answers are anyway"),
    (r"(response_format|text\.format)<json_schema>(\.json_schema)?\.strict", "these always keep to a schema"),
    (r"parallel_tool_calls|tool_choice<(auto|any|tool)>\.disable_parallel_tool_use", RULE),
    (
        r"tool_choice(<(auto|none|allowed_tools)>)?|toolConfig\.toolChoice(<auto>)?",
        "a choice among no tools, or the rule",
    ),
    (r"toolConfig\.functionCallingConfig\.mode", RULE),
    (r"service_tier|stream|.*toolResult\.status|.*\.detail|.*parameters\.type", RULE),
    (r"stream_options\.include_usage", "decides about streams; usage is always asked for"),
    (r"thinking<(enabled|adaptive)>\.display|.*includeThoughts|reasoning\.(generate_)?summary", "thoughts come anyway"),
    (r".*fileData\.mimeType|.*<image_generation_call>\.output_format", "a URL's answer, or the data, says its type"),
    (r".*propertyOrdering", "properties stand in their order"),
    (
        r"input\[\]<(function_call|function_call_output|custom_tool_call|custom_tool_call_output)>\.id",
        "results name `call_id`",
    ),
    (r"input\[\]<function_call_output>\.name", "the call it answers says it"),
    (r"input\[\]<reasoning>\.encrypted_content", "goes with the reasoning, whose loss is told"),
)
"""Patterns of paths, and why their fields say nothing that the request does not say without them."""


def classes(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each field of a wire, and what becomes of it in each other."""
    wire, source = WIRES[name], chat_format(name)
    targets = {other: chat_format(other) for other in WIRES if other != name}
    for specimen in wire.specimens():
        yield specimen.path, {other: class_of(wire, source, target, specimen) for other, target in targets.items()}
