"""What OpenAI's realtime API refuses: the handshake, and events of clients. Shapes follow openai 3.54."""

import base64
import binascii
from typing import Final

from entresol.core.http import RequestHead
from entresol.scripted import faults, wire_errors
from entresol.scripted.openai_checks import bad_request
from entresol.scripted.script import Refusal
from entresol.scripted.shape import Anything, Either, ListOf, Number, Object, Shape, Tagged, Text

INSECURE_KEY: Final = "openai-insecure-api-key."
_MODES: Final = ListOf(Text(("text", "audio")), 1)
_LIMIT: Final = Either({"integer": Number(low=1), "string": Text(("inf",))})
_EVENT: Final[dict[str, Shape]] = {"event_id": Text(longest=512)}
_COMMON: Final[dict[str, Shape]] = {
    "output_modalities": _MODES,
    "instructions": Text(),
    "max_output_tokens": _LIMIT,
    "audio": Anything(),
    "tools": ListOf(Anything()),
    "tool_choice": Anything(),
}
_SESSION: Final = Object(
    {"type": Text(("realtime",))},
    {**_COMMON, "model": Text(), "include": ListOf(Text()), "truncation": Anything(), "tracing": Anything()},
)
_CONTENT: Final = Tagged(
    {
        "input_text": Object({"type": Text(), "text": Text()}),
        "input_audio": Object({"type": Text(), "audio": Text()}, {"transcript": Text()}),
        "output_text": Object({"type": Text(), "text": Text()}),
    }
)
_ITEM: Final = Tagged(
    {
        "message": Object(
            {"type": Text(), "role": Text(("user", "assistant", "system")), "content": ListOf(_CONTENT, 1)},
            {"id": Text(longest=64), "object": Text(), "status": Text()},
        ),
        "function_call_output": Object({"type": Text(), "call_id": Text(), "output": Text()}, {"id": Text()}),
    }
)
EVENTS: Final = Tagged(
    {
        "session.update": Object({"type": Text(), "session": _SESSION}, _EVENT),
        "conversation.item.create": Object({"type": Text(), "item": _ITEM}, {**_EVENT, "previous_item_id": Text()}),
        "conversation.item.delete": Object({"type": Text(), "item_id": Text()}, _EVENT),
        "input_audio_buffer.append": Object({"type": Text(), "audio": Text()}, _EVENT),
        "input_audio_buffer.commit": Object({"type": Text()}, _EVENT),
        "input_audio_buffer.clear": Object({"type": Text()}, _EVENT),
        "response.create": Object(
            {"type": Text()},
            {**_EVENT, "response": Object({}, {**_COMMON, "input": ListOf(_ITEM), "metadata": Anything()})},
        ),
        "response.cancel": Object({"type": Text()}, {**_EVENT, "response_id": Text()}),
    }
)  # fmt: skip
"""All events of clients."""
_MODELS: Final = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime", "scripted-")


def check_handshake(request: RequestHead, query: dict[str, list[str]], keys: tuple[str, ...]) -> str:
    """The model, once the upgrade is one that the API takes (RFC 6455 §4.2.1). Raises Refusal."""
    headers = request.headers
    if (headers.get(b"upgrade") or b"").lower() != b"websocket" or headers.get(b"sec-websocket-version") != b"13":
        raise Refusal(426, "invalid_request_error", "This endpoint requires a WebSocket upgrade.")
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key") or b"", validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        raise bad_request("Invalid Sec-WebSocket-Key header.")
    _authenticate(request, keys)
    model = query.get("model", [""])[0]
    if not model:
        raise bad_request("You must provide a model parameter.", "model", "missing_required_parameter")
    fault = faults.status_fault(model)
    if fault is not None:
        raise wire_errors.status_refusal("openai", fault)
    if not model.startswith(_MODELS):
        raise wire_errors.no_model("openai", model)
    return model


def _authenticate(request: RequestHead, keys: tuple[str, ...]) -> None:
    given = (request.headers.get(b"authorization") or b"").decode("latin-1")
    key: str | None = given[7:] if given[:7].lower() == "bearer " else None
    for protocol in offered_protocols(request):
        if protocol.startswith(INSECURE_KEY):
            if key is not None:
                raise bad_request("Provide an API key in a header or in a subprotocol, not in both.")
            key = protocol.removeprefix(INSECURE_KEY)
    if key not in keys:
        raise wire_errors.bad_key("openai", key)


def offered_protocols(request: RequestHead) -> list[str]:
    """The subprotocols that a client offers, in its order."""
    fields = request.headers.get_all(b"sec-websocket-protocol")
    return [name.strip().decode("latin-1") for field in fields for name in field.split(b",") if name.strip()]
