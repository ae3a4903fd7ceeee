"""Chunked bodies: where they end, what they cost, what is refused (RFC 9112 §7.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.http import HeaderPairs
from entresol.net.chunked_body import FORBIDDEN_TRAILERS, ChunkedBody
from entresol.net.limits import Limits
from entresol.net.refusals import BODY_TOO_LARGE, HEADERS_TOO_MANY, Refusal

LIMITS = Limits(max_head=2_000, max_headers=5, max_body=10_000)
WHOLE = b"5;name=value\r\nhello\r\n4\r\n\r\n\r\n\r\n1\r\n!\r\n0\r\nX-Sum: 1 \r\nX-B: 2\r\n\r\n"


def read(
    data: bytes, cuts: tuple[int, ...] = (), limits: Limits = LIMITS
) -> tuple[bytes, HeaderPairs, int, Refusal | None]:
    """Body, trailers, bytes consumed and the refusal, for `data` cut at `cuts`."""
    body, chunks, consumed = b"", ChunkedBody(limits), 0
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        piece = data[start:stop]
        position = 0
        while position < len(piece) and not chunks.is_complete:
            end = chunks.feed(piece, position)
            if isinstance(end, Refusal):
                return body + chunks.take(), [], consumed, end
            assert end > position
            consumed += end - position
            position = end
            body += chunks.take()
    return body, chunks.trailers if chunks.is_complete else [], consumed, None


def test_a_body_ends_where_its_last_line_ends() -> None:
    assert read(WHOLE + b"GET / HTTP/1.1\r\n\r\n") == (
        b"hello\r\n\r\n!",
        [(b"x-sum", b"1"), (b"x-b", b"2")],
        len(WHOLE),
        None,
    )


@pytest.mark.parametrize("size", range(1, 12))
def test_the_cut_of_the_bytes_changes_nothing(size: int) -> None:
    data = WHOLE + b"\r\n\r\nnext"
    assert read(data, tuple(range(size, len(data), size))) == read(data)


@given(
    st.lists(st.binary(min_size=1, max_size=12) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"0\r\n\r\n"])),
    st.lists(st.tuples(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["", "1", "a b"])), max_size=3),
    st.data(),
)
def test_any_cut_of_any_body_gives_the_same(
    pieces: list[bytes], trailers: list[tuple[str, str]], data: st.DataObject
) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    wire += b"0\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in trailers) + b"\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire)), max_size=8)))
    assert read(wire + b"REST", tuple(cuts)) == (
        b"".join(pieces),
        [(name.encode(), value.encode()) for name, value in trailers],
        len(wire),
        None,
    )


@pytest.mark.parametrize(
    "wire",
    [
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhelloX",
        b"0x5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"g\r\n",
        b"\r\n",
        b";x\r\n",
        b"fffffffffffffffff\r\n",
        b"5;a=\x00\r\nhello\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"0\r\nX: a\nY: b\r\n\r\n",
        b"0\r\nX : a\r\n\r\n",
        b"0\r\nX: a\r\n b\r\n\r\n",
        b"0\r\n\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_malformed_body_is_refused_however_it_is_cut(wire: bytes) -> None:
    for cuts in ((), tuple(range(1, len(wire)))):
        *_, refusal = read(wire, cuts)
        assert refusal is not None
        assert refusal.code == "body_malformed"


def test_trailers_that_frame_route_or_authenticate_are_dropped() -> None:
    assert {b"host", b"authorization", b"transfer-encoding", b"content-length", b"cookie"} <= FORBIDDEN_TRAILERS
    _, trailers, _, refusal = read(b"0\r\nHost: evil\r\nAuthorization: a\r\nX-Ok: 1\r\nTE: x\r\n\r\n")
    assert (trailers, refusal) == ([(b"x-ok", b"1")], None)


def test_too_much_body_is_refused_as_soon_as_it_is_there() -> None:
    assert read(b"%x\r\n" % 20_000 + b"x" * 10_001)[3] == BODY_TOO_LARGE
    assert read(b"%x\r\n" % 20_000 + b"x" * 10_000)[3] is None


def test_a_limit_of_0_takes_any_size() -> None:
    assert read(b"%x\r\n" % 20_000 + b"x" * 15_000, limits=Limits(max_body=0))[3] is None


def test_a_chunk_extension_without_end_is_refused() -> None:
    *_, refusal = read(b"5;" + b"a" * 3_000, tuple(range(1, 3_002)))
    assert refusal is not None
    assert refusal.code == "body_malformed"


def test_a_trailer_section_that_is_too_long_is_refused_however_it_is_cut() -> None:
    wire = b"0\r\nX: " + b"a" * 3_000
    *_, refusal = read(wire, tuple(range(1, len(wire))))
    assert refusal is not None
    assert "trailers" in refusal.message


def test_too_many_trailer_fields_are_refused() -> None:
    wire = b"0\r\n" + b"a: b\r\n" * 6 + b"\r\n"
    assert read(wire)[3] == HEADERS_TOO_MANY
    assert read(wire, tuple(range(1, len(wire))))[3] == HEADERS_TOO_MANY


class CountedParser:
    """Stands between a body and llhttp; counts the bytes that pass."""

    def __init__(self, chunks: ChunkedBody) -> None:
        self._feed = chunks._parser.feed_data
        self.sizes: list[int] = []

    def feed_data(self, data: bytes) -> None:
        self.sizes.append(len(data))
        self._feed(data)


def test_a_trailer_sent_byte_by_byte_reaches_the_parser_in_one_piece() -> None:
    chunks = ChunkedBody(Limits())
    counted = CountedParser(chunks)
    chunks._parser = counted  # type: ignore[assignment]
    wire = b"0\r\nX: " + b"a" * 10_000 + b"\r\n\r\n"
    for index in range(len(wire)):
        chunks.feed(wire[index : index + 1], 0)
    assert chunks.is_complete
    assert sum(counted.sizes) == len(wire)
    assert len(counted.sizes) == 5  # `0`, CR, LF, the byte that showed it is a trailer, the rest
