"""What an answer says about its call."""

from entresol.llm.events import ErrorDetail
from entresol.llm.types import FinishReason, Usage


class CallFacts:
    """What an answer says about the call. None: it does not say."""

    __slots__ = ("error", "finish_reason", "is_complete", "model", "response_id", "service_tier", "usage")

    def __init__(
        self,
        *,
        usage: Usage | None = None,
        model: str | None = None,
        response_id: str | None = None,
        finish_reason: FinishReason | None = None,
        service_tier: str | None = None,
        is_complete: bool = False,
        error: ErrorDetail | None = None,
    ) -> None:
        self.usage = usage
        self.model = model
        self.response_id = response_id
        self.finish_reason: FinishReason | None = finish_reason
        self.service_tier = service_tier
        self.is_complete = is_complete
        """A stream ended as its format says it should; always True for a whole answer that could be read."""
        self.error = error
        """The answer, or an event of the stream, is an error."""

    def parts(self) -> dict[str, object]:
        """Everything by name, for tests and debugging."""
        return {
            "usage": self.usage,
            "model": self.model,
            "response_id": self.response_id,
            "finish_reason": self.finish_reason,
            "service_tier": self.service_tier,
            "is_complete": self.is_complete,
            "error": self.error,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallFacts) and self.parts() == other.parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"CallFacts({self.parts()!r})"


class OpenChoices:
    """Which of a stream's choices have begun but not finished: with several, one finish reason is not the end."""

    __slots__ = ("_finished", "_seen")

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def note(self, index: int, is_finished: bool) -> None:
        """A choice came by."""
        self._seen.add(index)
        if is_finished:
            self._finished.add(index)

    def has_finished(self, index: int) -> bool:
        """A choice said why it ended."""
        return index in self._finished

    @property
    def is_any_open(self) -> bool:
        """Some choice has not finished."""
        return self._finished != self._seen

    @property
    def are_all_finished(self) -> bool:
        """There is a choice, and none is open."""
        return bool(self._seen) and self._finished == self._seen
