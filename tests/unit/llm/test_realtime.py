"""A realtime session, with the `websockets` package as client and provider."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from entresol.core.errors import ClientError, GatewayError, UpstreamError
from entresol.llm.realtime import RealtimeTap
from entresol.llm.types import Usage
from unit.llm.test_websocket_frames import read_by_websockets

MASK = b"\x0a\x0b\x0c\x0d"
ENOUGH = ClientError("session_too_long", "the session may take 60 s", status=403)


def said(event: dict[str, object], *, masked: bool = False) -> bytes:
    return Frame(Opcode.TEXT, msgspec.json.encode(event)).serialize(mask=masked)


def done(tokens: int, response_id: str) -> bytes:
    usage = {"input_tokens": tokens, "output_tokens": 0}
    return said({"type": "response.done", "response": {"id": response_id, "usage": usage}})


DELTA = said({"type": "response.output_audio.delta", "delta": "AAAA"})


def tap(max_tokens: int | None = None) -> RealtimeTap:
    return RealtimeTap(MASK, "abc", max_tokens)


def frames_of(data: bytes, masked: bool = False) -> list[Frame]:
    found = []
    while data:
        frame = read_by_websockets(data, masked)
        size = len(frame.serialize(mask=masked))
        found.append(frame)
        data = data[size:]
    return found


def last_words(data: bytes) -> tuple[object, int, str]:
    """The error event and the close frame that a client got."""
    error, close = frames_of(data)[-2:]
    closing = Close.parse(bytes(close.data))
    assert (error.opcode, close.opcode) == (Opcode.TEXT, Opcode.CLOSE)
    return msgspec.json.decode(error.data)["error"]["code"], closing.code, closing.reason


def test_both_directions_pass_unchanged_and_usage_is_counted_as_it_comes() -> None:
    session = tap()
    hello = said({"type": "session.update", "session": {}}, masked=True)
    assert session.from_client(hello) == hello
    assert session.from_provider(done(5, "a") + DELTA) == done(5, "a") + DELTA
    assert session.facts.usage == Usage(input=5)
    session.from_provider(done(7, "b"))
    assert session.facts.usage == Usage(input=12)


def test_the_response_that_uses_a_session_up_reaches_the_client_and_nothing_after_it() -> None:
    session = tap(max_tokens=10)
    assert session.from_provider(done(6, "a")) == done(6, "a")
    with pytest.raises(ClientError, match="has used 12 tokens, and may use 10") as cut:
        session.from_provider(DELTA + done(6, "b") + DELTA)
    assert (cut.value.code, cut.value.status) == ("realtime_limit_reached", 429)
    to_client, to_provider = session.cut(cut.value)
    assert to_client.startswith(DELTA + done(6, "b"))
    assert DELTA not in to_client[len(DELTA) :]
    assert last_words(to_client) == ("realtime_limit_reached", 1008, "realtime_limit_reached")
    (leave,) = frames_of(to_provider, masked=True)
    assert Close.parse(bytes(leave.data)).code == 1000


def test_a_session_can_be_cut_from_outside_in_the_middle_of_a_frame() -> None:
    session = tap()
    assert session.from_provider(DELTA + DELTA[:10]) == DELTA
    to_client, to_provider = session.cut(ENOUGH)
    assert last_words(to_client) == ("session_too_long", 1008, "session_too_long")
    assert len(frames_of(to_client)) == 2
    assert frames_of(to_provider, masked=True)


def test_between_fragments_a_cut_is_a_close_alone() -> None:
    session = tap()
    session.from_provider(Frame(Opcode.TEXT, b'{"type":', fin=False).serialize(mask=False))
    (close,) = frames_of(session.cut(ENOUGH)[0])
    assert Close.parse(bytes(close.data)).code == 1008


def test_a_session_is_cut_once() -> None:
    session = tap()
    session.cut(ENOUGH)
    assert session.cut(ENOUGH) == (b"", b"")


def test_a_side_that_was_closed_already_is_told_nothing_more() -> None:
    session = tap()
    session.from_provider(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=False))
    session.from_client(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
    assert session.cut(ENOUGH) == (b"", b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (Frame(Opcode.TEXT, b"\xff").serialize(mask=True), 1007),
        (b"\x82\xff" + b"\0" * 3 + b"\xff" * 5, 1009),
    ],
    ids=["no mask", "no UTF-8", "too large"],
)
def test_a_client_that_breaks_the_protocol_is_told_with_the_right_code(data: bytes, code: int) -> None:
    session = tap()
    with pytest.raises(ClientError, match="websocket: ") as fault:
        session.from_client(data)
    assert fault.value.code == "bad_request"
    assert last_words(session.cut(fault.value)[0])[1] == code


def test_a_provider_that_breaks_the_protocol_is_its_own_fault() -> None:
    session = tap()
    with pytest.raises(UpstreamError, match="websocket: a frame is masked") as fault:
        session.from_provider(Frame(Opcode.TEXT, b"hi").serialize(mask=True))
    assert fault.value.code == "provider_bad_response"
    assert last_words(session.cut(fault.value)[0]) == ("provider_bad_response", 1011, "provider_bad_response")


@pytest.mark.parametrize("error", [UpstreamError("upstream_reset", "gone"), GatewayError("internal_error", "broken")])
def test_a_session_that_fails_ends_as_an_error_and_never_as_success(error: GatewayError) -> None:
    assert last_words(tap().cut(error)[0]) == (error.code, 1011, error.code)


@given(st.lists(st.integers(0, 400), max_size=10), st.integers(1, 40))
def test_over_any_split_the_same_is_counted_and_cut_at_the_same_event(cuts: list[int], limit: int) -> None:
    data = b"".join(done(8, str(number)) + DELTA for number in range(4))
    session = tap(max_tokens=limit)
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    out = b""
    for begin, end in pairwise(edges):
        try:
            out += session.from_provider(data[begin:end])
        except ClientError as cut:
            out += session.cut(cut)[0]
            break
    needed = min(-(-limit // 8), 4)
    assert session.facts.tokens == 8 * needed
    whole = b"".join(done(8, str(number)) + DELTA for number in range(needed))
    if limit <= 32:
        assert out.startswith(whole[: -len(DELTA)])
        assert last_words(out[len(whole) - len(DELTA) :])[1] == 1008
    else:
        assert out == data
