"""Streams that break: what came before the break reaches the client, and then an error in its own wire."""

import pytest

from entresol.core.errors import GatewayError, UpstreamError
from entresol.llm.answers import TranslatedStream
from entresol.llm.events import ChatEvent, Ended, ErrorDetail, Failed, Finished, TextDelta
from entresol.llm.format import ChatFormat, StreamShape
from entresol.llm.replay import events_of
from fidelity.classes import chat_format
from fidelity.matrix import CLIENTS, answer

SHAPE = StreamShape(model="a-model", created=1, request_id="0" * 32)
PAIRS = [(client, native) for client in CLIENTS for native in CLIENTS if client != native]
GARBAGE = {
    b"text/event-stream": b"data: <html>\n\n",
    b"application/x-ndjson": b"<html>\n",
    b"application/vnd.amazon.eventstream": b"<html><body>Bad gateway</body></html>",
}


def begun(native: ChatFormat) -> bytes:
    """A stream up to its last words."""
    said: list[ChatEvent] = [event for event in events_of(answer(False)) if not isinstance(event, Finished | Ended)]
    return native.stream_encoder(SHAPE).encode(said)


def reading(native: ChatFormat, client: ChatFormat) -> TranslatedStream:
    return TranslatedStream(native.stream_decoder(), client.stream_encoder(SHAPE), client, SHAPE)


def driven(answer: TranslatedStream, pieces: list[bytes]) -> bytes:
    """What a client gets of a stream, as who drives the call sends it."""
    out = b""
    try:
        for position, piece in enumerate(pieces):
            out += answer.feed(piece, position == len(pieces) - 1)
    except UpstreamError as error:
        out += answer.failure(ErrorDetail(status=error.status, message=error.message, code=error.code))
    return out


def heard(client: ChatFormat, out: bytes) -> list[ChatEvent]:
    """What a client makes of a stream: all of it must make sense to it."""
    decoder = client.stream_decoder()
    return decoder.feed(out) + decoder.finish()


def words(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("is_last", [True, False])
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_what_came_in_one_piece_with_garbage_arrives_before_the_error(client: str, native: str, is_last: bool) -> None:
    source, target = chat_format(native), chat_format(client)
    piece = begun(source) + GARBAGE[source.stream_content_type]
    events = heard(target, driven(reading(source, target), [piece] if is_last else [piece, b""]))
    assert words(events) == "Let me see."
    assert isinstance(events[-1], Failed)
    assert "cannot be read" in events[-1].error.message
    assert not any(isinstance(event, Ended) for event in events)


@pytest.mark.parametrize("name", CLIENTS)
def test_garbage_in_a_piece_of_its_own_is_still_told_at_once(name: str) -> None:
    decoder = chat_format(name).stream_decoder()
    with pytest.raises(GatewayError, match="cannot be read"):
        decoder.feed(GARBAGE[chat_format(name).stream_content_type])


ERRORS = [b'{"object":"error","message":"m","code":503}', b'{"error":{"message":"m","code":503}}']


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_that_passes_as_bytes_before_the_end_mark_is_told_to_accounting(error: bytes) -> None:
    wire = chat_format("openai-chat")
    stream = begun(wire) + b"data: " + error + b"\n\ndata: [DONE]\n\n"
    facts = wire.stream_facts(stream, None)
    assert facts.error is not None
    assert (facts.error.status, facts.error.message) == (503, "m")
