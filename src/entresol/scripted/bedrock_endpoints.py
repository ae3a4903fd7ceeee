"""Bedrock's runtime: `/model/{id}/converse`, `/converse-stream`, `/invoke`, `/invoke-with-response-stream`,
`/count-tokens`."""

import re
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from entresol.scripted import anthropic_checks, anthropic_wire, bedrock_wire, faults, tokens
from entresol.scripted.bedrock_checks import check_converse
from entresol.scripted.bedrock_embedding import embed, is_embedding_model
from entresol.scripted.bedrock_turns import invalid
from entresol.scripted.counting_checks import check_bedrock_count
from entresol.scripted.prompt import Prompt, Reply, reply_to
from entresol.scripted.script import Incoming, Refusal, Script, Send, json_script
from entresol.scripted.settings import Answered, Settings

_PATH: Final = re.compile(r"/model/(.+)/(converse|converse-stream|count-tokens|invoke|invoke-with-response-stream)")
_FAMILIES: Final = re.compile(
    r"anthropic\.claude-|amazon\.nova-|meta\.llama|mistral\.|openai\.gpt-oss|amazon\.titan-embed-text|cohere\.embed"
)
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/bedrock/aws4_request, ?SignedHeaders=[a-z0-9;-]*\bhost\b"
    r"[a-z0-9;-]*, ?Signature=[0-9a-f]{64}"
)
_TYPES: Final = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_STREAM: Final = b"application/vnd.amazon.eventstream"
_GARBAGE: Final = b"\x00\x00\x00\x20this is no message at all......"


def answer_bedrock(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to one of Bedrock's paths; None for any other."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return None
    model = unquote(match[1])
    try:
        script = _run(request, settings, model, match[2])
    except Refusal as refusal:
        script = _rendered(refusal, request)
    return Answered(script, "bedrock", model)


def _run(request: Incoming, settings: Settings, model: str, action: str) -> Script:
    if request.method != "POST":
        raise Refusal(405, "UnknownOperationException", "")
    _authenticate(request, settings)
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise Refusal(400, "SerializationException", "") from error
    fault = faults.status_fault(model)
    if fault is not None:
        kind = _TYPES.get(fault.status) or ("InternalServerException" if fault.status >= 500 else _TYPES[400])
        wait = () if fault.retry_after is None else ((b"retry-after", str(fault.retry_after).encode()),)
        raise Refusal(fault.status, kind, f"Scripted error {fault.status}.", headers=wait)
    if _FAMILIES.search(model) is None and not faults.is_fault(model):
        raise invalid("The provided model identifier is invalid.")
    if action == "count-tokens":
        script = _count(body, model)
    elif "invoke" in action:
        script = _invoke(request, body, model, action)
    else:
        script = _converse(request, body, model, action)
    failure = bedrock_wire.exception("serviceUnavailableException", "Bedrock is unable to process your request.")
    return faults.bend(script, model, settings.slow_s, failure, _GARBAGE)


def _authenticate(request: Incoming, settings: Settings) -> None:
    """A signature has to look like one; whether it is right, the tests of the signer know. A bearer key is compared."""
    given = request.headers.get("authorization", "")
    if given.startswith("Bearer "):
        if given[7:] not in settings.keys:
            raise Refusal(
                403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
            )
    elif not given:
        raise Refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    elif _SIGNED.fullmatch(given) is None or "x-amz-date" not in request.headers:
        raise Refusal(403, "IncompleteSignatureException", "Authorization header requires 'Credential' parameter.")


def _converse(request: Incoming, body: object, model: str, action: str) -> Script:
    known = check_converse(body, model)
    prompt = bedrock_wire.read_converse(known, model)
    reply = reply_to(prompt)
    if action == "converse":
        return json_script(200, bedrock_wire.converse_answer(known, prompt, reply, request.body))
    return _streamed(bedrock_wire.converse_frames(known, prompt, reply, request.body))


def _invoke(request: Incoming, body: object, model: str, action: str) -> Script:
    """InvokeModel, for embeddings and models of Anthropic's: theirs without the model and the way of answering."""
    if is_embedding_model(model):
        if action != "invoke":
            raise invalid("The model is unsupported for streaming")
        return json_script(200, embed(body, model))
    if "claude" not in model and not faults.is_fault(model):
        raise invalid("Malformed input request: only models of Anthropic's are scripted here.")
    checked, prompt = _read_native(body, model)
    reply = reply_to(prompt) if checked["max_tokens"] else Reply(stop="length")
    if action == "invoke":
        return json_script(200, anthropic_wire.message_answer(checked, prompt, reply, request.body))
    frames = anthropic_wire.message_frames(checked, prompt, reply, request.body)
    events = [msgspec.json.decode(frame.partition(b"data: ")[2]) for frame in frames]
    return _streamed(
        bedrock_wire.invoke_frames([one for one in events if one["type"] != "ping"], prompt, reply), invoked=True
    )


def _count(body: object, model: str) -> Script:
    kind, known = check_bedrock_count(body, model)
    if kind == "converse":
        prompt = bedrock_wire.read_converse(known, model)
    else:
        _, prompt = _read_native(known, model)
    return json_script(200, {"inputTokens": prompt.input_tokens})


def _read_native(body: object, model: str) -> tuple[dict[str, Any], Prompt]:
    """A body for a model of Anthropic's, and the prompt in it. Raises Refusal."""
    known: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
    if known.pop("anthropic_version", None) != "bedrock-2023-05-31":
        raise invalid("anthropic_version: Field required")
    for name in ("model", "stream"):
        if name in known:
            raise invalid(f"{name}: Extra inputs are not permitted")
    known.pop("anthropic_beta", None)
    try:
        checked = anthropic_checks.check({**known, "model": model}, "2023-06-01", counting=False)
        return checked, anthropic_wire.read_messages(checked)
    except Refusal as refusal:
        raise invalid(refusal.message) from refusal


def _streamed(frames: list[bytes], invoked: bool = False) -> Script:
    headers = [(b"content-type", _STREAM)]
    if invoked:
        headers.append((b"x-amzn-bedrock-content-type", b"application/json"))
    return Script(200, headers, tuple(Send(frame) for frame in frames), streamed=True)


def _rendered(refusal: Refusal, request: Incoming) -> Script:
    """A refusal: its kind stands in a header, and only its message in the body."""
    request_id = tokens.derived_id("", 22, request.path, request.body)
    headers = [
        *refusal.headers,
        (b"x-amzn-errortype", f"{refusal.kind}:http://internal.amazon.com/coral/com.amazon.bedrock/".encode()),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    return json_script(refusal.status, {"message": refusal.message}, headers)
