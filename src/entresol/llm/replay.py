"""A whole answer as the events of a stream: for a client that streams and a provider that does not."""

from entresol.llm.events import (
    ChatEvent,
    Ended,
    Finished,
    LeftOver,
    LogprobsDelta,
    PartAdded,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.types import ChatResponse, Choice, Native, Part, Refusal, Text, Thinking, ToolCall


def events_of(response: ChatResponse) -> list[ChatEvent]:
    """The stream that would have had this answer as its result."""
    events: list[ChatEvent] = [Started(response.id, response.model, response.created, response.service_tier)]
    for choice in response.choices:
        _replay_choice(choice, events)
    if response.extra:
        events.append(LeftOver(list(response.extra)))
    if response.usage is not None:
        events.append(UsageReported(response.usage))
    events.append(Ended())
    return events


def _replay_choice(choice: Choice, events: list[ChatEvent]) -> None:
    calls = 0
    for part in choice.parts:
        if type(part) is ToolCall:
            call = ToolCallStarted(calls, part.id, part.name, choice.index, part.is_custom, part.signature)
            arguments = part.arguments or ("" if part.is_custom else "{}")
            events += [call, ToolArgumentsDelta(calls, arguments, choice.index)]
            calls += 1
        else:
            events.append(_replay_part(part, choice.index))
        if type(part) is not Native and part.extra:
            events.append(LeftOver(list(part.extra)))
    if choice.extra:
        events.append(LeftOver(list(choice.extra)))
    if choice.logprobs is not None:
        events.append(LogprobsDelta(choice.logprobs, choice.index))
    events.append(Finished(choice.finish_reason or "stop", choice.index, choice.stop_sequence))


def _replay_part(part: Part, choice: int) -> ChatEvent:
    if type(part) is Text:
        return TextDelta(part.text, choice, part.signature)
    if type(part) is Thinking:
        return ThinkingDelta(part.text, choice, part.signature, part.redacted)
    if type(part) is Refusal:
        return RefusalDelta(part.text, choice)
    return PartAdded(part, choice)
