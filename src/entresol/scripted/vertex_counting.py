"""Vertex AI, as far as it counts tokens: Gemini's `:countTokens`, and Claude's `count-tokens:rawPredict`."""

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from entresol.scripted import anthropic_checks, anthropic_wire, faults, gemini_wire, wire_errors
from entresol.scripted.counting_checks import check_vertex_count
from entresol.scripted.script import Incoming, Refusal, Script, json_script
from entresol.scripted.settings import Answered, Settings

_PATH: Final = re.compile(
    r"/v1/projects/[^/]+/locations/[^/]+/publishers/(?:google/models/([^/]+):countTokens"
    r"|anthropic/models/count-tokens:rawPredict)"
)


def answer_vertex_counting(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request that counts tokens at Vertex AI; None for any other."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return None
    wire = "gemini" if match[1] else "anthropic"
    model = unquote(match[1] or "")
    try:
        body = read_body(request, settings, wire)
        if match[1]:
            script = _count_gemini(body, model)
        else:
            model, script = _count_claude(body)
    except Refusal as refusal:
        script = wire_errors.render(wire, refusal, request)
    return Answered(script, wire, model)


def read_body(request: Incoming, settings: Settings, wire: str) -> object:
    """The JSON of a request by somebody who may ask. Raises Refusal."""
    if request.method != "POST":
        raise Refusal(405, "INVALID_ARGUMENT", "Method not allowed.")
    bearer = request.headers.get("authorization", "")
    if bearer[:7] != "Bearer " or bearer[7:] not in settings.keys:
        raise wire_errors.bad_key(wire, bearer[7:])
    if request.query:
        raise wire_errors.bad_body(wire, f'Invalid JSON payload received. Unknown name "{request.query}"')
    try:
        return msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise wire_errors.bad_body(wire, f"The body could not be parsed as JSON: {error}") from error


def check_model(wire: str, model: str, family: str | tuple[str, ...]) -> None:
    """The model exists: its name begins like that, or orders a fault. Raises Refusal."""
    fault = faults.status_fault(model)
    if fault is not None:
        raise wire_errors.status_refusal(wire, fault)
    if not model.startswith(family) and not faults.is_fault(model):
        raise wire_errors.no_model(wire, model)


def _count_gemini(body: object, model: str) -> Script:
    check_model("gemini", model, "gemini-")
    known = check_vertex_count(body, model)
    return json_script(200, {"totalTokens": gemini_wire.read_generate(known, model).input_tokens})


def _count_claude(body: object) -> tuple[str, Script]:
    """The model stands in the body, and beside it the version of the API."""
    known = dict(body) if isinstance(body, dict) else {}
    if known.pop("anthropic_version", None) != "vertex-2023-10-16":
        raise anthropic_checks.invalid("anthropic_version: Field required")
    checked = anthropic_checks.check(known, "2023-06-01", counting=True)
    model = str(checked["model"])
    check_model("anthropic", model, "claude-")
    return model, json_script(200, {"input_tokens": anthropic_wire.read_messages(checked).input_tokens})
