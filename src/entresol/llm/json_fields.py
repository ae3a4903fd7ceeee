"""JSON where it comes in and goes out: the top level of an object, with values in their own bytes, and clear errors."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.json_faults import refused_value

Fields = dict[str, msgspec.Raw]
"""The top level of a JSON object: values still in their own bytes."""

T = TypeVar("T")

_decode_fields: Final = msgspec.json.Decoder(Fields).decode
_read_text: Final = msgspec.json.Decoder(str | None).decode
_read_flag: Final = msgspec.json.Decoder(bool | None).decode
_LONGEST_MESSAGE: Final = 400
_FIELD_DECODERS: Final[dict[type[object], Callable[[bytes], object]]] = {str: _read_text, bool: _read_flag}
encode_json: Final = msgspec.json.Encoder().encode
decode_json: Final = msgspec.json.Decoder().decode


def bad_response(what: str) -> UpstreamError:
    """The error for an answer that is not what its format says."""
    return UpstreamError("provider_bad_response", f"the provider's answer cannot be read: {what}")


def bad_field(path: str, what: str) -> UpstreamError:
    """The error for a field of an answer (`reading.Fault`)."""
    return bad_response(f"{path}: {what}" if path else what)


def bad_request(path: str, what: str) -> ClientError:
    """The error for a field of the wrong type or value."""
    return ClientError("bad_request", in_brief(f"{path}: {what}" if path else what))


def in_brief(message: str) -> str:
    """A message without most of what it quotes, where that is long."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = _LONGEST_MESSAGE // 2
    return f"{message[:half]}…{message[-half:]}"


def is_utf8(body: bytes) -> bool:
    """Whether all of a body is UTF-8. Decoders do not look into the strings of values that they pass over."""
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bad_json() -> ClientError:
    return ClientError("bad_json", "content-type header does not match request body, or bad JSON formatting")


def too_deep() -> ClientError:
    """The error for a request that no JSON library takes, or only just."""
    return ClientError("bad_json", "the request body is nested too deeply")


def read_fields(body: bytes) -> Fields:
    """The top level of a JSON object. Raises ClientError `bad_json`."""
    if not is_utf8(body):
        raise _bad_json()
    try:
        return _decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad_json() from error
    except RecursionError as error:
        raise too_deep() from error


def read_field(fields: Fields, name: str, kind: type[T]) -> T | None:
    """A top-level field, None if it is missing or null. Raises ClientError `bad_request` on another type."""
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return _FIELD_DECODERS[kind](raw)  # type: ignore[return-value]  # the decoder is the one of `kind`
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(name, str(error)) from error


def raw_json(value: object) -> msgspec.Raw:
    """A value as it goes into `Fields`."""
    return msgspec.Raw(encode_json(value))


def decode_request_as(decode: Callable[[bytes], T], body: bytes) -> T:
    """Run a typed msgspec decoder on a client's body. Raises ClientError `bad_json` or `bad_request`."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise bad_request(*refused_value(body, error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad_json() from error
    except RecursionError as error:
        raise too_deep() from error


def decode_response_as(decode: Callable[[bytes], T], body: bytes) -> T:
    """Run a typed msgspec decoder on a provider's body. Raises UpstreamError `provider_bad_response`."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise bad_field(*refused_value(body, error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_response(str(error) or "nested too deeply") from error
