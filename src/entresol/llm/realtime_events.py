"""What the server's events of OpenAI's realtime API say of usage, session and errors.

Source: OpenAI's API reference, "Realtime, server events": session.created, session.updated, response.done,
conversation.item.input_audio_transcription.completed, error. Names of the earlier beta are read, too.
"""

from typing import Final

import msgspec

from entresol.llm.events import ErrorDetail
from entresol.llm.token_count import count
from entresol.llm.types import BUCKETS, Usage


class _Kind(msgspec.Struct, gc=False):
    type: str = ""


class _Parts(msgspec.Struct, gc=False):
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _Inputs(msgspec.Struct, gc=False):
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: _Parts | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: _Inputs | None = None
    output_token_details: _Parts | None = None
    seconds: float | None = None


class _Error(msgspec.Struct, gc=False):
    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


class _StatusDetails(msgspec.Struct, gc=False):
    error: _Error | None = None


class _Response(msgspec.Struct, gc=False):
    id: str | None = None
    usage: _Usage | None = None
    status_details: _StatusDetails | None = None


class _Transcription(msgspec.Struct, gc=False):
    model: str | None = None


class _AudioInput(msgspec.Struct, gc=False):
    transcription: _Transcription | None = None


class _Audio(msgspec.Struct, gc=False):
    input: _AudioInput | None = None


class _Session(msgspec.Struct, gc=False):
    type: str | None = None
    model: str | None = None
    audio: _Audio | None = None
    input_audio_transcription: _Transcription | None = None


class _SessionEvent(msgspec.Struct, gc=False):
    session: _Session


class _ResponseEvent(msgspec.Struct, gc=False):
    response: _Response


class _TranscribedEvent(msgspec.Struct, gc=False):
    item_id: str | None = None
    content_index: int | None = None
    usage: _Usage | None = None


class _ErrorEvent(msgspec.Struct, gc=False):
    error: _Error


_decode_kind: Final = msgspec.json.Decoder(_Kind).decode
_decode_session: Final = msgspec.json.Decoder(_SessionEvent).decode
_decode_response: Final = msgspec.json.Decoder(_ResponseEvent).decode
_decode_transcribed: Final = msgspec.json.Decoder(_TranscribedEvent).decode
_decode_error: Final = msgspec.json.Decoder(_ErrorEvent).decode

_SESSION: Final = frozenset(
    ("session.created", "session.updated", "transcription_session.created", "transcription_session.updated")
)
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"


class SessionFacts:
    """What a session's events have said so far."""

    def __init__(self) -> None:
        self.model: str | None = None
        """That of the session; None before the provider says it."""
        self.transcription_model: str | None = None
        """That which writes down what the user says: it has a price of its own."""
        self.usage: Usage | None = None
        """Of all responses together; None before the first."""
        self.transcription: Usage | None = None
        """Of all transcriptions that are counted in tokens."""
        self.transcribed_s = 0.0
        """Seconds of sound, of transcriptions that are counted in time."""
        self.responses = 0
        self.error: ErrorDetail | None = None
        """The last that the provider told. Most do not end the session."""
        self._last_response: str | None = None
        self._last_transcription: tuple[str | None, int | None] | None = None

    @property
    def tokens(self) -> int:
        """Everything read and generated so far."""
        return sum(
            usage.total_input + usage.total_output for usage in (self.usage, self.transcription) if usage is not None
        )

    def note(self, event: bytes) -> bool:
        """Read one event; True if it brought usage. What is no event, or not in this form, says nothing."""
        try:
            kind = _decode_kind(event).type
            if kind == "response.done":
                return self._note_response(_decode_response(event).response)
            if kind == _TRANSCRIBED:
                return self._note_transcription(_decode_transcribed(event))
            if kind in _SESSION:
                self._note_session(_decode_session(event).session)
            elif kind == "error":
                self.error = error_detail(_decode_error(event).error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return False

    def _note_response(self, response: _Response) -> bool:
        if response.id is not None and response.id == self._last_response:
            return False  # told twice, billed once
        self._last_response = response.id
        self.responses += 1
        details = response.status_details
        if details is not None and details.error is not None:
            self.error = error_detail(details.error)
        if response.usage is None:
            return False
        self.usage = summed(self.usage, _usage(response.usage))
        return True

    def _note_transcription(self, event: _TranscribedEvent) -> bool:
        which = (event.item_id, event.content_index)
        usage = event.usage
        if usage is None or (event.item_id is not None and which == self._last_transcription):
            return False
        self._last_transcription = which
        if usage.seconds is not None:
            self.transcribed_s += max(usage.seconds, 0.0)
            return False
        self.transcription = summed(self.transcription, _usage(usage))
        return True

    def _note_session(self, session: _Session) -> None:
        audio = session.audio
        heard = session.input_audio_transcription
        if audio is not None and audio.input is not None and audio.input.transcription is not None:
            heard = audio.input.transcription
        if heard is not None and heard.model:
            self.transcription_model = heard.model
        if session.model:
            self.model = session.model


def summed(first: Usage | None, second: Usage) -> Usage:
    """Both together."""
    if first is None:
        return second
    return Usage(**{name: getattr(first, name) + getattr(second, name) for name in BUCKETS})


def error_event(kind: str, code: str, message: str, event_id: str) -> bytes:
    """An `error` event as the server writes it."""
    error = {"type": kind, "code": code, "message": message, "param": None, "event_id": None}
    return msgspec.json.encode({"type": "error", "event_id": event_id, "error": error})


def error_detail(error: _Error) -> ErrorDetail:
    """A provider's error, in our words."""
    status = 400 if error.type == "invalid_request_error" else 502
    if error.code == "rate_limit_exceeded":
        status = 429
    return ErrorDetail(
        status=status,
        message=error.message or "the provider gave no message",
        type=error.type,
        code=error.code,
        param=error.param,
    )


def _usage(wire: _Usage) -> Usage:
    """Totals with details become buckets that do not overlap."""
    prompt, completion = count(wire.input_tokens), count(wire.output_tokens)
    usage = Usage(input=prompt, output=completion)
    inputs, outputs = wire.input_token_details, wire.output_token_details
    if inputs is not None:
        cached, of_cached = _within(inputs.cached_tokens, prompt), inputs.cached_tokens_details or _Parts()
        usage.cache_read_audio = _within(of_cached.audio_tokens, cached)
        usage.cache_read = cached - usage.cache_read_audio
        rest = prompt - cached
        usage.input_audio = _within((inputs.audio_tokens or 0) - usage.cache_read_audio, rest)
        usage.input_image = _within(
            (inputs.image_tokens or 0) - (of_cached.image_tokens or 0), rest - usage.input_audio
        )
        usage.input = rest - usage.input_audio - usage.input_image
    if outputs is not None:
        usage.output_audio = _within(outputs.audio_tokens, completion)
        usage.output = completion - usage.output_audio
    return usage


def _within(told: int | None, limit: int) -> int:
    return min(count(told), limit)
