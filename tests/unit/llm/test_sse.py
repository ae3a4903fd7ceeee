import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm import sse
from entresol.llm.sse import SseDecoder, SseEvent, SseTooLarge, events_in, sse_data, sse_event

STREAMS = [
    (b"data: a\n\n", [SseEvent(b"", b"a")]),
    (b"data:a\n\n", [SseEvent(b"", b"a")]),
    (b"data:  a \n\n", [SseEvent(b"", b" a ")]),
    (b"data: a\ndata: b\n\n", [SseEvent(b"", b"a\nb")]),
    (b"event: x\ndata: a\n\ndata: b\n\n", [SseEvent(b"x", b"a"), SseEvent(b"", b"b")]),
    (b": comment\n\ndata: a\n\n", [SseEvent(b"", b"a")]),
    (b"id: 1\nretry: 5\nunknown: x\ndata: a\n\n", [SseEvent(b"", b"a")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [SseEvent(b"", b"a"), SseEvent(b"", b"b")]),
    (b"data: a\r\rdata: b\r\r", [SseEvent(b"", b"a"), SseEvent(b"", b"b")]),
    (b"\xef\xbb\xbfdata: a\n\n", [SseEvent(b"", b"a")]),
    (b"event: x\n\ndata: a\n\n", [SseEvent(b"", b"a")]),
    (b"data\n\n", []),
    (b"\n\n\n\n", []),
    (b"data: a\n", []),
    (b"data: a", []),
    (b"", []),
]


@pytest.mark.parametrize(("data", "events"), STREAMS)
def test_a_stream_is_read_as_the_specification_says(data: bytes, events: list[SseEvent]) -> None:
    assert SseDecoder().feed(data) == events


@pytest.mark.parametrize(("data", "events"), STREAMS)
def test_single_bytes_make_the_same_events(data: bytes, events: list[SseEvent]) -> None:
    decoder = SseDecoder()
    assert [event for at in range(len(data)) for event in decoder.feed(data[at : at + 1])] == events


LINES = st.sampled_from([b"data: a", b"data:", b"event: e", b": c", b"", b"id: 1", b"data: \xc3\xa9"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.data())
def test_no_split_changes_the_events(lines: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    stream = b"".join(line + end for line, end in lines)
    whole = SseDecoder().feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder = SseDecoder()
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [event for piece in pieces for event in decoder.feed(piece)] == whole


def test_the_end_completes_an_event_without_its_blank_line() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n\ndata: b") == [SseEvent(b"", b"a")]
    assert decoder.has_rest
    assert decoder.finish() == [SseEvent(b"", b"b")]
    assert not decoder.has_rest
    assert decoder.finish() == []


@pytest.mark.parametrize("line", [b"data: ", b""])
def test_an_endless_event_is_refused(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    decoder = SseDecoder()
    assert decoder.feed(line + b"x" * 900) == []
    with pytest.raises(SseTooLarge):
        decoder.feed(b"x" * 200)


def test_many_data_lines_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    with pytest.raises(SseTooLarge):
        SseDecoder().feed(b"data: " + b"x" * 100 + b"\n" + b"data: y\n" * 1000)


def test_what_is_written_can_be_read() -> None:
    assert SseDecoder().feed(sse_data(b"{}") + sse_event(b"x", b"[]")) == [SseEvent(b"", b"{}"), SseEvent(b"x", b"[]")]


def test_a_fragment_starts_after_its_first_blank_line() -> None:
    assert events_in(b'lf"}\n\ndata: b\n\ndata: c', from_start=False) == [SseEvent(b"", b"b"), SseEvent(b"", b"c")]
    assert events_in(b"lf\r\n\r\ndata: b\r\n\r\n", from_start=False) == [SseEvent(b"", b"b")]
    assert events_in(b"data: a\n\n", from_start=True) == [SseEvent(b"", b"a")]


def test_a_large_event_may_lack_its_blank_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    decoder = SseDecoder()
    decoder.feed(b"data: " + b"x" * 600)
    assert decoder.finish() == [SseEvent(b"", b"x" * 600)]


@pytest.mark.parametrize(
    "data", [b"data:\n\n", b"data: \n\n", b"event: ping\ndata: {}\n\n", b"event: ping\n\n", b"data\n\n"]
)
def test_keep_alives_are_no_events(data: bytes) -> None:
    assert SseDecoder().feed(data + b"data: a\n\n") == [SseEvent(b"", b"a")]


def test_json_that_is_no_field_is_data() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b'data: a\n\n{"error":1}\n') == [SseEvent(b"", b"a"), SseEvent(b"", b'{"error":1}')]
    assert decoder.feed(b'{"error":2}') == []
    assert decoder.finish() == [SseEvent(b"", b'{"error":2}')]


def test_json_on_several_lines_that_is_no_field_is_an_event() -> None:
    text = b'{\n  "error": {\n    "code": 503\n  }\n}'
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n\n" + text + b"\ndata: b\n\n") == [
        SseEvent(b"", b"a"),
        SseEvent(b"", text),
        SseEvent(b"", b"b"),
    ]
    assert decoder.feed(text) == []
    assert decoder.finish() == [SseEvent(b"", text)]
