import msgspec

from entresol.llm.events import ChatEvent, Ended, ErrorDetail, Failed, Finished, PartAdded, TextDelta, UsageReported
from entresol.llm.types import Image, Usage


def test_events_can_be_written_down_and_read_again() -> None:
    events: list[ChatEvent] = [
        TextDelta("a", 1),
        PartAdded(Image(data="AA", media_type="image/png")),
        Finished("stop"),
        UsageReported(Usage(input=1)),
        Failed(ErrorDetail(status=500, message="m")),
        Ended(),
    ]
    assert msgspec.json.decode(msgspec.json.encode(events), type=list[ChatEvent]) == events
