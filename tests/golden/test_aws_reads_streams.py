"""AWS's client reads every golden stream for Bedrock's clients: whole ones to their end, failed ones as an error."""

from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.model import StructureShape
from botocore.parsers import EventStreamJSONParser
from botocore.session import Session

from golden.event_stream_text import binary
from golden.test_translations import HERE, shown

WRITTEN = sorted(HERE.glob("*/*.bedrock-converse.events"))
STREAMS = [path for path in WRITTEN if not path.read_bytes().startswith(b"refused")]
SHAPE = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").get_event_stream_output()


class _Socket:
    """What botocore reads a stream from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> list[bytes]:
        return [self._data]


@pytest.mark.parametrize("path", STREAMS, ids=shown)
def test_awss_client_reads_the_stream(path: Path) -> None:
    assert isinstance(SHAPE, StructureShape)
    socket: Any = _Socket(binary(path.read_bytes()))
    stream: Any = EventStream(socket, SHAPE, EventStreamJSONParser(), "ConverseStream")
    if b"\nexception " in b"\n" + path.read_bytes():
        with pytest.raises(EventStreamError):
            list(stream)
        return
    events = list(stream)
    assert {len(event) for event in events} == {1}
    assert "messageStart" in events[0]
    assert "messageStop" in events[-2]
    assert events[-1]["metadata"]["usage"]["totalTokens"] >= 0
    opened: set[int] = set()
    for event in events:  # one block at a time, each closed, none opened twice
        for kind in ("contentBlockStart", "contentBlockDelta"):
            if kind in event:
                opened.add(event[kind]["contentBlockIndex"])
                assert len(opened) == 1
        if "contentBlockStop" in event:
            opened.remove(event["contentBlockStop"]["contentBlockIndex"])
    assert opened == set()
