"""Wire format `bedrock-invoke`: `POST /model/{modelId}/invoke` and `/model/{modelId}/invoke-with-response-stream`.

Source: Amazon Bedrock API reference, "InvokeModel", "InvokeModelWithResponseStream"; service model `bedrock-runtime`
(2023-09-30). Bodies are in the model's own format, so they only pass; of answers, what they say of the call is read.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.core.http import HeaderPairs
from entresol.llm.aws_event_stream import EventMessage, WholeMessages, messages_in
from entresol.llm.bedrock_errors import error_body, exception_message, kind_fields, read_error, read_exception
from entresol.llm.bedrock_invoke_facts import Body, add_body
from entresol.llm.bedrock_models import family
from entresol.llm.bedrock_wire import EVENT_STREAM, model_and_action
from entresol.llm.events import ErrorDetail
from entresol.llm.format import (
    NO_OPTIONS,
    CallFacts,
    Fields,
    Format,
    Framing,
    Opened,
    Options,
    Profile,
    bad_request,
    decode_response_as,
    encode_json,
    raw_json,
)
from entresol.llm.fragment import object_after
from entresol.llm.types import Usage

PROMPT_FIELDS: Final = ("messages", "prompt", "inputText", "message", "texts", "input")
"""Where models have their prompt."""
_OPTION_NAMES: Final = {
    "anthropic": ("", "max_tokens", "temperature", "top_p", "top_k"),
    "nova": ("inferenceConfig", "maxTokens", "temperature", "topP", "topK"),
    "mistral": ("", "max_tokens", "temperature", "top_p", "top_k"),
    "cohere": ("", "max_tokens", "temperature", "p", "k"),
    "gpt-oss": ("", "max_completion_tokens", "temperature", "top_p", ""),
    "llama": ("", "max_gen_len", "temperature", "top_p", ""),
    "titan": ("textGenerationConfig", "maxTokenCount", "temperature", "topP", ""),
}
"""The object with a model's settings, empty for the top level, and its names of the options."""
_OPTIONS: Final = ("max_tokens", "temperature", "top_p", "top_k")


class _Chunk(msgspec.Struct):
    bytes: str = ""


_decode_body: Final = msgspec.json.Decoder(Body).decode
_decode_chunk: Final = msgspec.json.Decoder(_Chunk).decode
_decode_config: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


class BedrockInvoke(Format):
    """Amazon Bedrock InvokeModel."""

    name = "bedrock-invoke"
    operation = "chat"
    prompt_field = "messages"
    stream_content_type = EVENT_STREAM

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        model, action = model_and_action(path)
        if model is not None and action not in ("invoke", "invoke-with-response-stream"):
            why = f"{action} is not supported: only invoke and invoke-with-response-stream are"
            raise ClientError("bad_request", why)
        return Opened(fields, model, action == "invoke-with-response-stream", "aws")

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        """The body; the model and the way of answering stand in the path. Raises ClientError `bad_request` for options
        that the operator sets and a model takes under names that are not known."""
        if options is not NO_OPTIONS:
            _put_options(opened, model, options)
        return encode_json(opened.fields) if opened.body is None else opened.body

    def stream_filter(self, opened: Opened) -> Callable[[bytes, bool], bytes]:
        return WholeMessages()

    def response_facts(self, body: bytes) -> CallFacts:
        answer = decode_response_as(_decode_body, body)
        facts = CallFacts(is_complete=True)
        add_body(facts, Usage(), answer)
        if answer.error is not None or (facts.finish_reason is None and isinstance(answer.message, str)):
            facts.error = read_error(502, body) or ErrorDetail(status=502, message=_message(answer.error))
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True)
        for piece in (head, tail):
            found = _object_around(piece)
            if found is not None:
                add_body(facts, facts.usage or Usage(), found)
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts, usage = CallFacts(), Usage()
        messages = messages_in(head, from_start=True)
        if tail is not None:
            messages += messages_in(tail, from_start=False)
        for message in messages:
            _add_message(facts, usage, message)
        return facts

    def decode_error(self, status: int, body: bytes) -> ErrorDetail | None:
        return read_error(status, body)

    def error_body(self, error: ErrorDetail, request_id: str) -> bytes:
        return error_body(error, request_id)

    def error_fields(self, status: int) -> HeaderPairs:
        return kind_fields(status)

    def stream_error(self, error: ErrorDetail, request_id: str, framing: Framing = "sse") -> bytes:
        return exception_message(error, request_id)


def _put_options(opened: Opened, model: str, options: Options) -> None:
    values = {name: getattr(options, name) for name in _OPTIONS if getattr(options, name) is not None}
    if not values:
        return
    names = _OPTION_NAMES.get(family(model))
    if names is None:
        raise bad_request("", f"the settings of the route cannot be put into a request for the model {model}")
    wire_names = dict(zip(_OPTIONS, names[1:], strict=True))
    unknown = [name for name in values if not wire_names[name]]
    if unknown:
        raise bad_request("", f"the model {model} takes no {unknown[0]}, which the route sets")
    fields = {wire_names[name]: value for name, value in values.items()}
    if not names[0]:
        for name, value in fields.items():
            opened.put(name, value)
        return
    raw = opened.fields.get(names[0])
    try:
        config = {} if raw is None else _decode_config(raw) or {}
    except msgspec.DecodeError as error:
        raise bad_request(names[0], "expected an object") from error
    opened.put(names[0], config | {name: raw_json(value) for name, value in fields.items()})


def _message(error: object) -> str:
    found = error.get("message") if isinstance(error, dict) else error
    return found if isinstance(found, str) else "the provider gave no message"


def _add_message(facts: CallFacts, usage: Usage, message: EventMessage) -> None:
    """Add what one message of a stream says."""
    error = read_exception(message)
    if error is not None:
        facts.error = error
        return
    try:
        chunk = b64decode(_decode_chunk(message.payload).bytes, validate=True)
        body = _decode_body(chunk)
    except (msgspec.DecodeError, UnicodeDecodeError, Base64Error, ValueError, RecursionError):
        return  # the client has it; there is nothing to count
    add_body(facts, usage, body)
    if body.error is not None:
        facts.error = ErrorDetail(status=502, message=_message(body.error))
    is_end = body.type == "message_stop" or body.metrics is not None or body.nova_stop is not None
    if is_end or (body.type is None and facts.finish_reason is not None):
        facts.is_complete = True


def _object_around(piece: bytes) -> Body | None:
    """What can be read of the fields at one end of an answer that is too large: its counts stand together."""
    for key in (b'"usage"', b'"amazon-bedrock-invocationMetrics"'):
        found = object_after(piece, key)
        if found is not None:
            try:
                return _decode_body(b"{%b:%b}" % (key, found))
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None
    return None
