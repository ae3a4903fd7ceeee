"""Properties of every wire, over generated conversations, combinations of fields, and splits of recorded streams."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entresol.core.errors import ClientError, GatewayError
from entresol.llm.events import ChatEvent
from entresol.llm.format import ChatFormat
from entresol.llm.types import ChatRequest, Message, Part, Text, Tool, ToolCall, ToolResult
from fidelity.classes import DROPPED, REFUSED, bare, chat_format, class_of, covers, translated
from fidelity.matrix import PATHS, profile, said
from fidelity.schemas import Specimen
from fidelity.wires import WIRES
from golden.event_stream_text import binary

GOLDEN = Path(__file__).parents[1] / "golden"
STREAMS = sorted(
    path
    for name in (*WIRES, "ollama-generate", "tgi-generate")
    for path in (GOLDEN / name.replace("-", "_")).iterdir()
    if path.suffix in (".sse", ".ndjson", ".events") and "." not in path.stem
)
relaxed = settings(deadline=None, max_examples=40)


def recorded(path: Path) -> bytes:
    return binary(path.read_bytes()) if path.suffix == ".events" else path.read_bytes()


def events_in(wire: ChatFormat, pieces: list[bytes]) -> list[ChatEvent] | str:
    """The events of a stream, or the code of what is wrong with it."""
    decoder = wire.stream_decoder()
    found: list[ChatEvent] = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        return found + decoder.finish()
    except GatewayError as error:
        return error.code


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_any_split_of_a_recorded_stream_gives_the_same_events(path: Path, data: st.DataObject) -> None:
    wire, stream = chat_format(path.parent.name.replace("_", "-")), recorded(path)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert events_in(wire, pieces) == events_in(wire, [stream])


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    str.strip
)
ARGUMENTS = st.dictionaries(st.sampled_from(["city", "unit", "day"]), st.text("abc é東", max_size=8), max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> ChatRequest:
    """A conversation that every chat wire with tools can say."""
    messages = [Message(role="system", parts=[Text(text=draw(WORDS))])] if draw(st.booleans()) else []
    has_tools = draw(st.booleans())
    for turn in range(draw(st.integers(1, 3))):
        messages.append(Message(role="user", parts=[Text(text=draw(WORDS))]))
        if has_tools and draw(st.booleans()):
            calls: list[Part] = [
                ToolCall(id=f"call_{turn}_{at}", name="f", arguments=msgspec.json.encode(draw(ARGUMENTS)).decode())
                for at in range(draw(st.integers(1, 3)))
            ]
            results: list[Part] = [
                ToolResult(call_id=call.id, name="f", parts=[Text(text=draw(WORDS))])
                for call in calls
                if isinstance(call, ToolCall)
            ]
            messages += [Message(role="assistant", parts=calls), Message(role="tool", parts=results)]
        messages.append(Message(role="assistant", parts=[Text(text=draw(WORDS))]))
    messages.append(Message(role="user", parts=[Text(text=draw(WORDS))]))
    request = ChatRequest(origin="generated", model="a-model", messages=messages)
    request.max_tokens = draw(st.none() | st.integers(1, 4096))
    if has_tools:
        request.tools = [Tool(name="f", description="d", parameters={"type": "object"})]
    return request


@pytest.mark.parametrize("name", WIRES)
@relaxed
@given(request_=conversations())
def test_what_a_wire_writes_it_reads(name: str, request_: ChatRequest) -> None:
    wire = chat_format(name)
    body = wire.encode_request(request_, profile(name)).body
    again = wire.decode_request(body, PATHS.get(name, ""))
    assert said(again.messages) == said(request_.messages)
    assert [tool.name for tool in again.tools if isinstance(tool, Tool)] == (["f"] if request_.tools else [])
    assert again.max_tokens == request_.max_tokens or request_.max_tokens is None
    once_more = wire.decode_request(wire.encode_request(again, profile(name)).body, PATHS.get(name, ""))
    assert once_more == again


@cache
def told_fields(name: str, other: str) -> tuple[Specimen, ...]:
    """The fields at the top of a wire that another drops or refuses."""
    wire, source, target = WIRES[name], chat_format(name), chat_format(other)
    tops = [each for each in wire.specimens() if each.path in wire.root().fields]
    return tuple(each for each in tops if class_of(wire, source, target, each) in (DROPPED, REFUSED))


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("other", WIRES)
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_no_combination_of_fields_loses_one_without_a_word(name: str, other: str, data: st.DataObject) -> None:
    fields = told_fields(name, other)
    if name == other or not fields:
        return  # bytes pass, or nothing is lost
    wire = WIRES[name]
    chosen = data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=5, unique_by=lambda each: each.path))
    body: dict[str, Any] = wire.least()
    for each in chosen:
        body |= {each.path: each.instance[each.path]}
    try:
        _, dropped = translated(wire, chat_format(name), chat_format(other), wire.complete(body))
    except ClientError:
        return  # refused as a whole, which loses nothing
    source = chat_format(name)
    told = {bare(source.own_path(each)) for each in dropped} | {bare(each) for each in dropped}
    assert [each.path for each in chosen if not any(is_about(one, bare(each.path)) for one in told)] == []


SAME_THING = {"safety_identifier": "user", "systemInstruction": "contents"}
"""Fields that are told of by another's name: the older of two, or the one beside it."""


def is_about(told: str, path: str) -> bool:
    """Whether a loss that was told is (a part of) a field."""
    names = (path, SAME_THING.get(path, path))
    return any(covers(told, name) or told.startswith(name) for name in names)
