import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm import ndjson
from entresol.llm.ndjson import NdjsonDecoder, NdjsonTooLarge, lines_in

STREAMS = [
    (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
    (b'\xef\xbb\xbf{"a":1}\n', [b'{"a":1}']),
    (b"\n\n  \n\r\n1\n\n\n2\n", [b"1", b"2"]),
    (b" 1 \n\t2\t\n", [b"1", b"2"]),
    (b"1\n\xef\xbb\xbf2\n", [b"1", b"\xef\xbb\xbf2"]),
    (b"1", []),
    (b"\n", []),
    (b"", []),
]


@pytest.mark.parametrize(("data", "lines"), STREAMS)
def test_a_stream_is_read_line_by_line(data: bytes, lines: list[bytes]) -> None:
    assert NdjsonDecoder().feed(data) == lines


@pytest.mark.parametrize(("data", "lines"), STREAMS)
def test_single_bytes_make_the_same_lines(data: bytes, lines: list[bytes]) -> None:
    decoder = NdjsonDecoder()
    assert [line for at in range(len(data)) for line in decoder.feed(data[at : at + 1])] == lines


LINES = st.sampled_from([b'{"a":"\xc3\xa9"}', b"", b" ", b"null", b'"\\n"', b"\xef\xbb\xbf1"])
ENDS = st.sampled_from([b"\n", b"\r\n"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.sampled_from([b"", b"{}", b"\r"]), st.data())
def test_no_split_changes_the_lines(lines: list[tuple[bytes, bytes]], rest: bytes, data: st.DataObject) -> None:
    stream = b"".join(line + end for line, end in lines) + rest
    whole = NdjsonDecoder()
    expected = whole.feed(stream) + whole.finish()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder = NdjsonDecoder()
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [line for piece in pieces for line in decoder.feed(piece)] + decoder.finish() == expected


def test_the_end_completes_a_line_without_its_end() -> None:
    decoder = NdjsonDecoder()
    assert decoder.feed(b"1\n2") == [b"1"]
    assert decoder.finish() == [b"2"]
    assert decoder.finish() == []


@pytest.mark.parametrize(
    "pieces", [[b"12345"], [b"123", b"45"], [b"12345\n"], [b"1\n12345\n"], [b"123", b"45\n"], [b"1\n", b"12345\n"]]
)
def test_a_line_too_long_is_refused_before_it_ends(pieces: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 4)
    decoder = NdjsonDecoder()
    with pytest.raises(NdjsonTooLarge, match="exceeds 4 bytes"):
        list(map(decoder.feed, pieces))


def test_lines_within_the_limit_pass_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "MAX_LINE_BYTES", 4)
    assert NdjsonDecoder().feed(b"1234\n" * 50) == [b"1234"] * 50


def test_a_line_in_many_pieces_is_joined_once() -> None:
    decoder = NdjsonDecoder()
    for _ in range(100_000):
        assert decoder.feed(b"x") == []
    assert decoder.feed(b"\n") == [b"x" * 100_000]


def test_a_piece_from_the_middle_loses_its_first_line() -> None:
    assert lines_in(b'alf"}\n1\n2', from_start=False) == [b"1", b"2"]
    assert lines_in(b"1\n2", from_start=True) == [b"1", b"2"]
    assert lines_in(b"no end", from_start=False) == []
