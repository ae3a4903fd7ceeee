"""Garbage in a stream, with what stood before it."""

from entresol.core.errors import UpstreamError
from entresol.llm.events import ChatEvent


class BrokenStream(UpstreamError):
    """The fault of a stream that cannot be read on, and the events that came before it in the same piece."""

    def __init__(self, fault: UpstreamError, events: list[ChatEvent]) -> None:
        super().__init__(fault.code, fault.message, status=fault.status)
        self.events = events
