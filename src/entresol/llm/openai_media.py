"""What OpenAI's operations on images and sound say about their calls.

Source: OpenAI API reference, "Images", "Audio", "Moderations". Their usage counts input and output, each by kind.
"""

from typing import Final

import msgspec

from entresol.llm.call_facts import CallFacts
from entresol.llm.fragment import object_after, string_after
from entresol.llm.json_fields import decode_response_as
from entresol.llm.openai_facts import error_status, read_error
from entresol.llm.openai_structs import CostWire, ErrorWire
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.reported_cost import reported_cost
from entresol.llm.sse import SseTooLarge, events_in
from entresol.llm.token_count import count
from entresol.llm.types import Usage
from entresol.llm.usage_faults import despite_usage


class _Kinds(msgspec.Struct):
    text_tokens: float | None = None
    image_tokens: float | None = None
    audio_tokens: float | None = None
    cached_tokens: float | None = None


class MediaUsage(CostWire):
    """The `usage` of images, speech and transcriptions. One that counts seconds instead has no tokens."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    input_token_details: _Kinds | None = None
    input_tokens_details: _Kinds | None = None
    output_tokens_details: _Kinds | None = None


class _Answer(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    model: str | None = None
    usage: MediaUsage | None = None
    error: ErrorWire | str | None = None


_decode_answer: Final = despite_usage(msgspec.json.Decoder(_Answer).decode)
_decode_usage: Final = msgspec.json.Decoder(MediaUsage).decode


def read_usage(wire: MediaUsage, makes_images: bool = False) -> Usage | None:
    """Totals with details become buckets that do not overlap; None without tokens and cost."""
    cost = reported_cost(wire)
    if wire.input_tokens is None and wire.output_tokens is None:
        return None if cost is None else Usage(reported_cost=cost)
    into, out = count(wire.input_tokens), count(wire.output_tokens)
    inputs = wire.input_tokens_details or wire.input_token_details or _Kinds()
    outputs = wire.output_tokens_details or _Kinds(image_tokens=out if makes_images else 0)
    usage = Usage(cache_read=min(count(inputs.cached_tokens), into), reported_cost=cost)
    usage.input_audio = min(count(inputs.audio_tokens), into - usage.cache_read)
    usage.input_image = min(count(inputs.image_tokens), into - usage.cache_read - usage.input_audio)
    usage.input = into - usage.cache_read - usage.input_audio - usage.input_image
    usage.output_image = min(count(outputs.image_tokens), out)
    usage.output_audio = min(count(outputs.audio_tokens), out - usage.output_image)
    usage.output = out - usage.output_image - usage.output_audio
    return usage


class MediaFormat(OpenAIFormat):
    """A format of these operations: it stays what it is from client to provider, and is read for usage and errors."""

    makes_images = False
    final_events: tuple[str, ...] = ()
    """Types of the events that end a stream."""

    def stream_filter(self, opened: object) -> None:
        return None

    def response_facts(self, body: bytes) -> CallFacts:
        facts = CallFacts(is_complete=True)
        self._add(facts, decode_response_as(_decode_answer, body))
        return facts

    def fragment_facts(self, head: bytes, tail: bytes) -> CallFacts:
        found = object_after(tail, b'"usage"') or object_after(head, b'"usage"')
        facts = CallFacts(model=string_after(head, b'"model"'), is_complete=True)
        try:
            facts.usage = None if found is None else read_usage(_decode_usage(found), self.makes_images)
        except msgspec.DecodeError:
            facts.usage = None
        return facts

    def stream_facts(self, head: bytes, tail: bytes | None) -> CallFacts:
        facts = CallFacts()
        for fragment in (head,) if tail is None else (head, tail):
            try:
                events = events_in(fragment, from_start=fragment is head)
            except SseTooLarge:
                continue
            for event in events:
                try:
                    answer = _decode_answer(event.data)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue  # cut by the tap's window, or the end mark
                self._add(facts, answer)
                facts.is_complete = facts.is_complete or answer.type in self.final_events
        if tail is not None and not facts.is_complete:
            self._add_cut_event(facts, tail)
        return facts

    def _add_cut_event(self, facts: CallFacts, tail: bytes) -> None:
        """The last event may hold a whole image, so that its start is not in the window."""
        rest = tail.rstrip()
        found = object_after(rest, b'"usage"')
        if found is not None and rest.endswith(b"}"):
            facts.usage = facts.usage or self.fragment_facts(b"", rest).usage
            facts.is_complete = True

    def _add(self, facts: CallFacts, answer: _Answer) -> None:
        facts.response_id, facts.model = answer.id or facts.response_id, answer.model or facts.model
        if answer.usage is not None:
            facts.usage = read_usage(answer.usage, self.makes_images) or facts.usage
        if answer.error is not None:
            facts.error = read_error(answer.error, 502)
            facts.error.status = error_status(facts.error)
            facts.is_complete = True
