"""Properties of translated streams, over every recorded one, every pair of wires, and any way to split, write, cut or
spoil it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.llm.events import Ended, Failed
from fidelity.classes import chat_format
from fidelity.matrix import CLIENTS
from fidelity.test_broken_streams import driven, heard, reading
from fidelity.test_properties import STREAMS, events_in, recorded

RECORDED = [(path.parent.name.replace("_", "-"), path) for path in STREAMS]
SSE = [(name, path) for name, path in RECORDED if path.suffix == ".sse"]
NAMES = st.sampled_from(CLIENTS)
WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda stream: stream.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "CR": lambda stream: stream.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "a byte order mark": lambda stream: b"\xef\xbb\xbf" + stream,
    "comments": lambda stream: b": ping\n\n" + stream.replace(b"data:", b": still there\ndata:"),
    "no space": lambda stream: stream.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
    "empty events": lambda stream: b"data:\n\n" + stream + b"\n\ndata: \n\n",
    "keep-alives": lambda stream: b"event: ping\ndata: ping\n\n" + stream,
    "ids": lambda stream: b"retry: 10\n\n" + stream.replace(b"data:", b"id: 5\ndata:"),
    "no last line end": lambda stream: stream.rstrip(b"\r\n"),
}


def split(data: st.DataObject, stream: bytes) -> list[bytes]:
    """The stream in pieces; some are empty, some end in the middle of a character or of a line end."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def is_plain(stream: bytes) -> bool:
    """Whether what is written anew can only stand where it is meant."""
    return not stream.startswith((b"[", b"\xef\xbb\xbf")) and b"\r" not in stream and b"data" in stream


@pytest.mark.parametrize("variant", WRITTEN)
@pytest.mark.parametrize(("name", "path"), SSE, ids=lambda each: getattr(each, "name", each))
@settings(deadline=None, max_examples=4)
@given(data=st.data())
def test_however_a_recorded_stream_is_written_and_split_it_says_the_same(
    name: str, path: Path, variant: str, data: st.DataObject
) -> None:
    stream = recorded(path)
    if not is_plain(stream) or (variant == "no last line end" and "garbage" in str(path)):
        return
    wire = chat_format(name)
    assert events_in(wire, split(data, WRITTEN[variant](stream))) == events_in(wire, [stream])


@settings(deadline=None, max_examples=400)
@given(data=st.data(), source=st.sampled_from(RECORDED), client=NAMES)
def test_any_split_of_a_recorded_stream_gives_any_client_the_same(
    data: st.DataObject, source: tuple[str, Path], client: str
) -> None:
    name, path = source
    stream = recorded(path)
    native, target = chat_format(name), chat_format(client)
    assert driven(reading(native, target), split(data, stream)) == driven(reading(native, target), [stream])


def ends(client: str, out: bytes) -> set[type]:
    """How a client's stream ends, which must make sense to it: well, or as an error, which Responses tell twice."""
    return {type(event) for event in heard(chat_format(client), out) if isinstance(event, Ended | Failed)}


@settings(deadline=None, max_examples=400)
@given(data=st.data(), source=st.sampled_from(RECORDED), client=NAMES)
def test_a_stream_cut_anywhere_is_an_error_unless_its_end_had_come(
    data: st.DataObject, source: tuple[str, Path], client: str
) -> None:
    name, path = source
    stream = recorded(path)
    cut = stream[: data.draw(st.integers(0, len(stream)))]
    native, target = chat_format(name), chat_format(client)
    answer = reading(native, target)
    out = driven(answer, split(data, cut))
    found = events_in(native, [cut])
    is_whole = not isinstance(found, str) and any(isinstance(event, Ended) for event in found)
    assert ends(client, out) == {Ended if is_whole and answer.facts.error is None else Failed}


@settings(deadline=None, max_examples=600)
@given(data=st.data(), source=st.sampled_from(RECORDED), client=NAMES)
def test_a_stream_spoiled_anywhere_ends_once_and_in_the_clients_wire(
    data: st.DataObject, source: tuple[str, Path], client: str
) -> None:
    name, path = source
    stream = bytearray(recorded(path))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"null", b"{}", b"-1", b'""', b"[]"])
        )
    native, target = chat_format(name), chat_format(client)
    out = driven(reading(native, target), split(data, bytes(stream)))
    assert len(ends(client, out)) == 1
