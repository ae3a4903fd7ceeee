"""WebSocket frames, against the `websockets` package as a peer that knows the rules."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from entresol.llm import websocket_frames as ours
from entresol.llm.websocket_frames import FrameFault, FrameReader, close_frame, masked_with, text_frame

MASK = b"\x01\x02\x03\x04"


def fed(reader: FrameReader, data: bytes, cuts: list[int] | None = None) -> list[ours.Frame]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    return [frame for begin, end in pairwise(edges) for frame in reader.feed(data[begin:end])]


def read_by_websockets(data: bytes, masked: bool) -> Frame:
    """One frame, read by the `websockets` package."""
    stream = StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    parsing = Frame.parse(stream.read_exact, mask=masked)
    try:
        next(parsing)
    except StopIteration as done:
        frame: Frame = done.value
        return frame
    raise AssertionError("the frame is not whole")


def messages_of(frames: list[ours.Frame]) -> list[tuple[int, bytes]]:
    return [(frame.kind, frame.message) for frame in frames if frame.message is not None]


# What others write, we read.

TEXTS = st.text(max_size=300).map(str.encode)
SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Opcode, bool, bytes]]:
    """Frames in an order that is allowed: messages in any fragments, control frames anywhere."""
    frames: list[tuple[Opcode, bool, bytes]] = []

    def control() -> None:
        if draw(st.booleans()):
            opcode = draw(st.sampled_from([Opcode.PING, Opcode.PONG]))
            frames.append((opcode, True, draw(st.binary(max_size=125))))

    for _ in range(draw(st.integers(0, 4))):
        control()
        is_text = draw(st.booleans())
        payload = draw(TEXTS) if is_text else draw(st.one_of(st.binary(max_size=300), SIZES.map(bytes)))
        edges = [0, *sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3))), len(payload)]
        opcode = Opcode.TEXT if is_text else Opcode.BINARY
        for index, (begin, end) in enumerate(pairwise(edges)):
            frames.append((opcode if index == 0 else Opcode.CONT, index == len(edges) - 2, payload[begin:end]))
            if index < len(edges) - 2:
                control()
    return frames


def whole(frames: list[tuple[Opcode, bool, bytes]]) -> list[tuple[int, bytes]]:
    """The messages of a conversation, control frames in the places where they stood."""
    found: list[tuple[int, bytes]] = []
    kind, held = Opcode.TEXT, b""
    for opcode, ends, payload in frames:
        if opcode in (Opcode.PING, Opcode.PONG):
            found.append((int(opcode), payload))
            continue
        kind = kind if opcode is Opcode.CONT else opcode
        held = held + payload if opcode is Opcode.CONT else payload
        if ends:
            found.append((int(kind), held))
    return found


@given(conversations(), st.booleans(), st.lists(st.integers(0, 100_000), max_size=10))
def test_any_conversation_is_read_over_any_split_and_passes_unchanged(
    frames: list[tuple[Opcode, bool, bytes]], masked: bool, cuts: list[int]
) -> None:
    data = b"".join(Frame(opcode, payload, ends).serialize(mask=masked) for opcode, ends, payload in frames)
    read = fed(FrameReader(masked=masked), data, cuts)
    assert b"".join(frame.raw for frame in read) == data
    assert messages_of(read) == whole(frames)


# What we write, others read.


@given(TEXTS, st.one_of(st.none(), st.binary(min_size=4, max_size=4)))
def test_our_text_frames_are_read_by_others(text: bytes, mask: bytes | None) -> None:
    frame = read_by_websockets(text_frame(text, mask), mask is not None)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [None, MASK])
def test_our_frames_have_their_lengths_in_the_shortest_form(size: int, mask: bytes | None) -> None:
    data = text_frame(b"x" * size, mask)
    assert len(read_by_websockets(data, mask is not None).data) == size
    assert messages_of(FrameReader(masked=mask is not None).feed(data)) == [(ours.TEXT, b"x" * size)]


def test_our_pongs_are_read_by_others() -> None:
    frame = read_by_websockets(ours.pong_frame(b"12"), False)
    assert (frame.opcode, bytes(frame.data)) == (Opcode.PONG, b"12")


@given(st.text(max_size=200), st.sampled_from([1000, 1001, 1008, 1011, 4000]))
def test_our_close_frames_are_read_by_others(reason: str, code: int) -> None:
    frame = read_by_websockets(close_frame(code, reason, MASK), True)
    close = Close.parse(bytes(frame.data))
    assert close.code == code
    assert reason.startswith(close.reason)
    assert len(reason.encode()) - len(close.reason.encode()) < 4 or len(frame.data) > 120


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_masking_twice_is_masking_never(payload: bytes, key: bytes) -> None:
    masked = masked_with(key, payload)
    assert masked == bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    assert masked_with(key, masked) == payload


# What nobody may write.


def server(opcode: int, payload: bytes = b"", *, first: int = 0x80) -> bytes:
    return bytes((first | opcode, len(payload))) + payload


@pytest.mark.parametrize(
    ("data", "code", "complaint"),
    [
        (b"\xc1\x00", 1002, "reserved bits"),
        (b"\x83\x00", 1002, "unknown opcode 3"),
        (b"\x8b\x00", 1002, "unknown opcode 11"),
        (b"\x81\x80" + MASK, 1002, "is masked"),
        (b"\x09\x00", 1002, "control frame is fragmented"),
        (b"\x89\x7e\x00\x7e", 1002, "larger than 125"),
        (b"\x80\x00", 1002, "out of order"),
        (b"\x01\x00\x81\x00", 1002, "out of order"),
        (b"\x81\x7e\x00\x7d", 1002, "shortest form"),
        (b"\x81\x7f" + (65_535).to_bytes(8, "big"), 1002, "shortest form"),
        (b"\x81\x7f\x80" + bytes(7), 1002, "shortest form"),
        (server(ours.CLOSE, b"\x03"), 1002, "half a code"),
        (server(ours.CLOSE, b"\x03\xed"), 1002, "code 1005"),
        (server(ours.CLOSE, b"\x00\x00"), 1002, "code 0"),
        (server(ours.CLOSE, b"\x03\xe8\xff"), 1007, "not UTF-8"),
        (server(ours.TEXT, b"\xff"), 1007, "not UTF-8"),
        (server(ours.TEXT, b"\xc3", first=0) + server(ours.CONTINUATION, b"x"), 1007, "not UTF-8"),
    ],
)
@pytest.mark.parametrize("cuts", [[], list(range(12))], ids=["whole", "byte-by-byte"])
def test_a_frame_that_breaks_the_protocol_is_a_fault(data: bytes, code: int, complaint: str, cuts: list[int]) -> None:
    with pytest.raises(FrameFault, match=complaint) as fault:
        fed(FrameReader(masked=False), data, cuts)
    assert fault.value.code == code


def test_a_client_that_does_not_mask_is_a_fault() -> None:
    with pytest.raises(FrameFault, match="is not masked"):
        FrameReader(masked=True).feed(server(ours.TEXT, b"hi"))


def test_a_text_may_be_cut_within_a_letter_by_its_fragments() -> None:
    data = server(ours.TEXT, b"\xc3", first=0) + server(ours.CONTINUATION, b"\xa9")
    assert messages_of(FrameReader(masked=False).feed(data)) == [(ours.TEXT, "é".encode())]


@pytest.mark.parametrize(
    "data",
    [
        b"\x82\x7e\x03\xe9",
        b"\x82\x7f" + (2**40).to_bytes(8, "big"),
        b"\x02\x7e\x03\x84" + b"x" * 900 + b"\x80\x7e\x00\x80",
    ],
)
def test_a_message_over_the_limit_is_a_fault_before_its_bytes_are_held(data: bytes) -> None:
    reader = FrameReader(masked=False, max_message=1000)
    with pytest.raises(FrameFault, match="larger than 1000 bytes") as fault:
        reader.feed(data)
    assert fault.value.code == 1009


def test_nothing_passes_after_a_close() -> None:
    reader = FrameReader(masked=False)
    closing = close_frame(1000, "done")
    assert [frame.raw for frame in reader.feed(closing + server(ours.TEXT, b"late"))] == [closing]
    assert reader.close_code == 1000
    assert reader.feed(server(ours.TEXT, b"later")) == []
    assert reader.held == 0


def test_a_close_without_a_code_is_1005() -> None:
    reader = FrameReader(masked=False)
    reader.feed(server(ours.CLOSE))
    assert reader.close_code == 1005


def test_a_frame_is_held_until_it_is_whole() -> None:
    reader = FrameReader(masked=False)
    data = text_frame(b"x" * 1000)
    assert reader.feed(data[:500]) == []
    assert reader.held == 500
    assert [frame.raw for frame in reader.feed(data[500:])] == [data]
    assert reader.held == 0


def test_between_fragments_is_in_a_message() -> None:
    reader = FrameReader(masked=False)
    reader.feed(server(ours.TEXT, b"a", first=0))
    assert reader.is_in_message
    reader.feed(server(ours.PING))
    assert reader.is_in_message
    reader.feed(server(ours.CONTINUATION, b"b"))
    assert not reader.is_in_message


@given(st.binary(max_size=40), st.booleans(), st.lists(st.integers(0, 100), max_size=5))
def test_what_others_refuse_we_refuse(data: bytes, masked: bool, cuts: list[int]) -> None:
    """Of any bytes: if the other reader takes the first frame, so do we, and the same; if it objects, so do we."""
    stream = StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    parsing = Frame.parse(stream.read_exact, mask=masked, max_size=1000)
    theirs: Frame | None = None
    try:
        next(parsing)
    except StopIteration as done:
        theirs = done.value
    except EOFError:
        return  # not whole
    except (ProtocolError, PayloadTooBig):
        with pytest.raises(FrameFault):
            fed(FrameReader(masked=masked, max_message=1000), data, cuts)
        return
    assert theirs is not None
    used = len(data) - len(stream.buffer)
    if theirs.opcode is Opcode.CONT:
        return  # needs a message before it
    try:
        read = fed(FrameReader(masked=masked, max_message=1000), data[:used], cuts)
    except FrameFault as fault:
        about_text = fault.code == 1007 or theirs.opcode is Opcode.CLOSE
        shortest = "shortest form" in fault.message
        assert about_text or shortest  # the other reader looks at these later, or never
        return
    assert [frame.raw for frame in read] == [data[:used]]
