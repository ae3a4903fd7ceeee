"""Errors of Amazon Bedrock's runtime: as bodies, and as the exceptions that end a stream.

Source: service model `bedrock-runtime` (2023-09-30), the shapes marked `exception`. AWS's clients find the kind of an
error in the header `x-amzn-errortype` or in the body's `__type`.
"""

from typing import Final

import msgspec

from entresol.core.http import HeaderPairs
from entresol.llm.aws_event_stream import EventMessage, encode_message
from entresol.llm.events import ErrorDetail
from entresol.llm.format import encode_json
from entresol.llm.types import JsonObject

_STATUSES: Final = {
    "ValidationException": 400,
    "ConflictException": 400,
    "ServiceQuotaExceededException": 400,
    "UnrecognizedClientException": 403,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
_TYPES: Final = {
    401: "AccessDeniedException",
    402: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
    529: "ServiceUnavailableException",
}
_IN_STREAMS: Final = {
    400: "validationException",
    429: "throttlingException",
    502: "modelStreamErrorException",
    503: "serviceUnavailableException",
    529: "serviceUnavailableException",
}
"""The exceptions that both kinds of streams may hold; no client knows another."""
_PROVIDERS_FAULT: Final = ("ModelErrorException", "ModelStreamErrorException")
"""Their status, 424, is among those of clients' faults."""
_NO_MESSAGE: Final = "the provider gave no message"


class _Problem(msgspec.Struct):
    """An error's body. Services before Bedrock's own write `Message`, and `Output` when they know no such operation."""

    message: str | None = None
    old_message: str | None = msgspec.field(name="Message", default=None)
    kind: str | None = msgspec.field(name="__type", default=None)
    output: JsonObject | None = msgspec.field(name="Output", default=None)


_decode: Final = msgspec.json.Decoder(_Problem).decode


def error_type(status: int) -> str:
    """What AWS calls an error of this status."""
    return _TYPES.get(status) or ("InternalServerException" if status >= 500 else "ValidationException")


def read_error(status: int, body: bytes) -> ErrorDetail | None:
    """An error's body; None if it is not one of AWS's."""
    try:
        problem = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kind = problem.kind
    if kind is None and problem.output is not None:
        kind = str(problem.output.get("__type") or "") or None
    message = problem.message or problem.old_message
    if message is None and kind is None:
        return None
    return ErrorDetail(status=status, message=message or _NO_MESSAGE, type=_bare(kind) or error_type(status))


def read_exception(event: EventMessage) -> ErrorDetail | None:
    """The error that a message of a stream is; None if it is an event."""
    kind = event.text(":message-type")
    if kind == "event" or not kind:
        return None
    if kind == "error":  # the protocol's own: no payload
        name = _bare(event.text(":error-code"))
        status = _STATUSES.get(_upper(name), 502)
        return ErrorDetail(status=status, message=event.text(":error-message") or _NO_MESSAGE, type=name or None)
    name = _upper(_bare(event.text(":exception-type")))
    status = 502 if name in _PROVIDERS_FAULT else _STATUSES.get(name, 502)
    error = read_error(status, event.payload) or ErrorDetail(status=status, message=_NO_MESSAGE)
    error.type = name or None
    return error


def error_body(error: ErrorDetail, request_id: str) -> bytes:
    """An error for a client. AWS's know its kind by `__type`; `code` would stand for the same, so ours has another
    name."""
    kind = error.type if error.type in _STATUSES else error_type(error.status)
    wire: JsonObject = {"__type": kind, "message": error.message}
    if error.code is not None:
        wire["error_code"] = error.code
    return encode_json({**wire, "request_id": request_id or error.request_id})


def kind_fields(status: int) -> HeaderPairs:
    """Where AWS's clients look first for the kind of an error."""
    return [(b"x-amzn-errortype", error_type(status).encode())]


def exception_message(error: ErrorDetail, request_id: str) -> bytes:
    """An error as the last message of a stream."""
    kind = _IN_STREAMS.get(error.status)
    if kind is None:
        kind = "internalServerException" if error.status >= 500 else "validationException"
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    wire: JsonObject = {"message": error.message}
    if error.code is not None:
        wire["error_code"] = error.code
    return encode_message(headers, encode_json({**wire, "request_id": request_id or error.request_id}))


def _bare(kind: str | None) -> str:
    """A kind without its namespace and what may follow it."""
    return (kind or "").partition(":")[0].rpartition("#")[2]


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]
