"""AWS's event streams: any split gives the same messages, and AWS's own client reads what we write."""

import contextlib
import struct
from binascii import crc32
from collections.abc import Iterator

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.llm.aws_event_stream import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Byte,
    EventMessage,
    EventStreamDecoder,
    EventStreamFault,
    HeaderValue,
    Integer,
    Short,
    Timestamp,
    Uuid,
    WholeMessages,
    encode_message,
    messages_in,
    read_headers,
    write_headers,
)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


VALUES: st.SearchStrategy[HeaderValue] = st.one_of(
    st.booleans(),
    signed(8).map(Byte),
    signed(16).map(Short),
    signed(32).map(Integer),
    signed(64),
    st.binary(max_size=64),
    st.text(max_size=64),
    signed(64).map(Timestamp),
    st.binary(min_size=16, max_size=16).map(Uuid),
)
HEADERS = st.dictionaries(st.text(min_size=1, max_size=30), VALUES, max_size=6)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=6)


def split(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        yield data[start:end]


@given(MESSAGES, st.lists(st.integers(0, 5000), max_size=12))
def test_any_split_gives_the_messages_that_were_written(
    messages: list[tuple[dict[str, HeaderValue], bytes]], cuts: list[int]
) -> None:
    data = b"".join(encode_message(headers, payload) for headers, payload in messages)
    decoder = EventStreamDecoder()
    read = [message for piece in split(data, cuts) for message in decoder.feed(piece)]
    assert read == [EventMessage(headers, payload) for headers, payload in messages]
    types = [[type(value) for value in message.headers.values()] for message in read]
    assert types == [[type(value) for value in headers.values()] for headers, _ in messages]
    assert not decoder.has_rest


@given(MESSAGES)
def test_awss_own_client_reads_the_same(messages: list[tuple[dict[str, HeaderValue], bytes]]) -> None:
    buffer = EventStreamBuffer()
    for headers, payload in messages:
        buffer.add_data(encode_message(headers, payload))
    read: list[tuple[object, object]] = [(message.headers, message.payload) for message in buffer]
    assert read == messages


@given(HEADERS, st.binary(max_size=100), st.data())
@settings(max_examples=200)
def test_a_changed_byte_never_gives_a_message(
    headers: dict[str, HeaderValue], payload: bytes, data: st.DataObject
) -> None:
    message = bytearray(encode_message(headers, payload))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(EventStreamFault):
        assert EventStreamDecoder().feed(bytes(message)) == []


def test_a_message_that_is_cut_leaves_a_rest() -> None:
    decoder = EventStreamDecoder()
    assert decoder.feed(encode_message({":event-type": "x"}, b"{}")[:-1]) == []
    assert decoder.has_rest


def test_messages_before_a_broken_one_are_not_lost() -> None:
    good = encode_message({":event-type": "x"}, b"{}")
    with pytest.raises(EventStreamFault) as caught:
        EventStreamDecoder().feed(good + good + b"<html><body></body></html>")
    assert [message.payload for message in caught.value.before] == [b"{}", b"{}"]


def test_a_long_message_in_single_bytes_is_read_in_linear_time() -> None:
    data = encode_message({":event-type": "x"}, bytes(300_000))
    decoder = EventStreamDecoder()
    read = [message for at in range(len(data)) for message in decoder.feed(data[at : at + 1])]
    assert [len(message.payload) for message in read] == [300_000]


def framed(total: int, header_bytes: int, block: bytes = b"") -> bytes:
    """A message with a right checksum, whatever its lengths say."""
    lengths = struct.pack(">II", total, header_bytes)
    whole = lengths + struct.pack(">I", crc32(lengths)) + block
    return whole + struct.pack(">I", crc32(whole))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<html><body>no</body></html>", "prelude is wrong"),
        (b"data: {}\n\ndata: {}\n\n", "prelude is wrong"),
        (framed(15, 0), "contradict"),
        (framed(20, 5), "contradict"),
        (framed(MAX_HEADER_BYTES + 100, MAX_HEADER_BYTES + 1), "headers of a message exceed"),
        (framed(MAX_PAYLOAD_BYTES + 17, 0), "payload of a message exceeds"),
        (framed(18, 2, b"\x01a"), "cut"),
        (framed(19, 3, b"\x01a\x0b"), "unknown type 11"),
        (framed(20, 4, b"\x01a\x05\x00"), "cut"),
        (framed(21, 5, b"\x01a\x07\x00\x09"), "cut"),
        (framed(22, 6, b"\x01a\x07\x00\x01\xff"), "value of a header is not UTF-8"),
        (framed(19, 3, b"\x01\xff\x00"), "name of a header is not UTF-8"),
        (framed(22, 6, b"\x01a\x00\x01a\x00"), "twice"),
    ],
)
def test_what_is_no_event_stream_is_named(data: bytes, what: str) -> None:
    with pytest.raises(EventStreamFault, match=what):
        EventStreamDecoder().feed(data)


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"": "x"}, "1 to 255"),
        ({"x" * 256: "x"}, "1 to 255"),
        ({"x": Byte(128)}, "does not fit"),
        ({"x": 1 << 63}, "does not fit"),
        ({"x": "y" * 65_536}, "exceeds 65535"),
        ({"x": Uuid(b"short")}, "16 bytes"),
        ({str(number): "y" * 60_000 for number in range(3)}, "headers of a message exceed"),
    ],
)
def test_headers_that_no_message_can_hold_are_refused(headers: dict[str, HeaderValue], what: str) -> None:
    with pytest.raises(EventStreamFault, match=what):
        encode_message(headers, b"")


def test_a_payload_that_no_message_can_hold_is_refused() -> None:
    with pytest.raises(EventStreamFault, match="payload"):
        encode_message({}, bytes(MAX_PAYLOAD_BYTES + 1))


@given(HEADERS)
def test_headers_are_read_as_they_are_written(headers: dict[str, HeaderValue]) -> None:
    assert read_headers(write_headers(headers)) == headers


@given(st.integers(0, 200))
def test_the_end_of_a_stream_is_read_from_its_first_whole_message(skipped: int) -> None:
    messages = [EventMessage({":event-type": "contentBlockDelta"}, b'{"n":%d}' % number) for number in range(20)]
    whole = b"".join(encode_message(message.headers, message.payload) for message in messages)
    found = messages_in(whole[skipped:], from_start=skipped == 0)
    assert found == messages[len(messages) - len(found) :]
    assert len(found) >= 20 - skipped // (len(whole) // 20) - 2


def test_a_message_that_is_cut_at_the_end_of_a_piece_is_left_out() -> None:
    message = EventMessage({":event-type": "x"}, b"{}")
    data = encode_message(message.headers, message.payload)
    assert messages_in(data + data[:-1], from_start=True) == [message]
    assert messages_in(b"\0" * 500, from_start=False) == []
    assert messages_in(data + b"garbage garbage garbage", from_start=True) == [message]


@given(MESSAGES, st.lists(st.integers(0, 5000), max_size=12), st.integers(0, 60))
def test_whole_messages_pass_and_what_is_cut_stays_out(
    messages: list[tuple[dict[str, HeaderValue], bytes]], cuts: list[int], lost: int
) -> None:
    frames = [encode_message(headers, payload) for headers, payload in messages]
    whole = b"".join(frames)
    sent = whole[: max(len(whole) - lost, 0)]
    through, *pieces = WholeMessages(), *split(sent, cuts)
    passed = [through(piece, False) for piece in pieces] + [through(b"", True)]
    kept = b""
    for frame in frames:
        if len(kept) + len(frame) > len(sent):
            break
        kept += frame
    assert b"".join(passed) == kept
    boundary = 0
    for piece in passed:  # each piece ends with a message
        boundary += len(piece)
        assert EventStreamDecoder().feed(whole[:boundary]) is not None
        assert not messages_left(whole[:boundary])


def messages_left(data: bytes) -> bool:
    decoder = EventStreamDecoder()
    decoder.feed(data)
    return decoder.has_rest


@pytest.mark.parametrize("data", [b"<html>no</html>", b"\0\0\0\x01garbage", b"\xff" * 50])
def test_what_is_no_event_stream_passes_as_it_is(data: bytes) -> None:
    through = WholeMessages()
    assert through(data[:3], False) + through(data[3:9], False) + through(data[9:], True) == data
