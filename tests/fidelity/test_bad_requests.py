"""What clients get wrong, in every wire: they hear of it in their own words, and never as our fault."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.format import ChatFormat
from entresol.llm.registry import format_named
from entresol.llm.types import Audio, ChatRequest, Document, Image, Message, Text, Tool, ToolCall
from fidelity.bad_requests import (
    ALL,
    GOLDEN,
    faults,
    is_sound,
    places,
    replaced,
    seeds,
    sent,
    spoilt_places,
    value_at,
    written,
)
from fidelity.classes import chat_format
from fidelity.matrix import CLIENTS, conversation, profile

CHATS = CLIENTS[:7]
"""Wires with tools."""
WRONG: list[Any] = [None, "", "odd", -1, 2.5, 10**25, True, [], ["x"], [3], [[]], [None], {}, {"x": 3}]
AT_ONCE = 4
"""Of these, in each place: as there are thousands of places, every value meets every kind of field."""


@pytest.mark.parametrize("client", ALL)
def test_a_field_of_a_wrong_type_is_named_or_makes_no_difference(client: str) -> None:
    found: list[str] = []
    fields = spoilt_places(client)
    assert fields
    for index, (body, at) in enumerate(fields):
        wrong = WRONG if len(fields) < 100 else [WRONG[(index * 3 + step * 5) % len(WRONG)] for step in range(AT_ONCE)]
        for value in wrong:
            changed = json.dumps(replaced(body, at, value)).encode()  # msgspec writes no numbers beyond 64 bits
            found += [f"{written(at)} = {value!r}: {fault}" for fault in faults(client, changed, written(at))]
    assert found == []


def sound(client: str, with_tools: bool = False) -> Any:
    """A request that is as it should be."""
    wire_format = format_named(client)
    if isinstance(wire_format, ChatFormat):
        tools = with_tools and client in CHATS
        return msgspec.json.decode(wire_format.encode_request(conversation(tools), profile(client)).body)
    folder = GOLDEN / client.replace("-", "_")
    bodies = [msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*.json")) if "." not in path.stem]
    return next(body for body in bodies if is_sound(client, body))


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def with_field(client: str, name: str, value: bytes) -> bytes:
    """A sound body and another field, whose JSON nobody has looked at."""
    return b'%b,"%b":%b}' % (json.dumps(sound(client)).encode()[:-1], name.encode(), value)


def with_text(client: str, text: str) -> bytes:
    """A sound body, with something in the place of each text that is not its model's."""
    body = sound(client)
    for at in places(body):
        value = value_at(body, at)
        if isinstance(value, str) and at[-1] in ("text", "content", "prompt", "inputs", "input", "query", "inputText"):
            body = replaced(body, at, text)
    return json.dumps(body, ensure_ascii=True).encode()


BODIES: dict[str, Callable[[str], bytes]] = {
    "nothing": lambda client: b"",
    "white space": lambda client: b" \r\n",
    "null": lambda client: b"null",
    "a list": lambda client: b"[]",
    "a string": lambda client: b'"x"',
    "a number": lambda client: b"1",
    "an empty object": lambda client: b"{}",
    "a form": lambda client: b"model=a-model&prompt=hello",
    "a cut body": lambda client: json.dumps(sound(client)).encode()[:-2],
    "two bodies": lambda client: json.dumps(sound(client)).encode() * 2,
    "a BOM": lambda client: b"\xef\xbb\xbf" + json.dumps(sound(client)).encode(),
    "UTF-16": lambda client: json.dumps(sound(client)).encode("utf-16"),
    "no UTF-8": lambda client: with_field(client, "x", b'"\xff\xfe"'),
    "half a character": lambda client: with_field(client, "x", b'"\xe6\x9d"'),
    "a surrogate in UTF-8": lambda client: with_field(client, "x", b'"\xed\xa0\x80"'),
    "NUL": lambda client: with_text(client, "\x00"),
    "a raw line feed": lambda client: with_field(client, "x", b'"\n"'),
    "NaN": lambda client: with_field(client, "temperature", b"NaN"),
    "Infinity": lambda client: with_field(client, "temperature", b"Infinity"),
    "-Infinity": lambda client: with_field(client, "temperature", b"-Infinity"),
    "beyond doubles": lambda client: with_field(client, "temperature", b"1e999"),
    "beyond 64 bits": lambda client: with_field(client, "max_tokens", b"123456789012345678901234567890"),
    "beyond all numbers": lambda client: with_field(client, "seed", b"9" * 10_000),
    "a lone surrogate": lambda client: with_text(client, "\ud800 and \udc00"),
    "a lone surrogate in a name": lambda client: with_field(client, "x", b'{"\\ud800":1}'),
    "a lone surrogate as the model": lambda client: with_field(client, "model", b'"\\ud83d"'),
    "1,000 levels": lambda client: with_field(client, "metadata", nested(1000)),
    "100,000 levels": lambda client: with_field(client, "metadata", nested(100_000)),
    "1,000 lists": lambda client: with_field(client, "messages", b"[" * 1000 + b"]" * 1000),
    "100,000 lists": lambda client: with_field(client, "messages", b"[" * 100_000 + b"]" * 100_000),
    "an endless list": lambda client: b"[" * 100_000,
    "an endless object": lambda client: b'{"messages":' * 100_000,
    "a long name": lambda client: with_field(client, "x" * 100_000, b"{}"),
    "a long model": lambda client: with_field(client, "model", b'"%b"' % (b"m" * 100_000)),
    "a long role": lambda client: with_field(client, "messages", b'[{"role":"%b","content":"x"}]' % (b"r" * 100_000)),
    "both prompts": lambda client: with_field(client, "prompt", b'"hello"'),
    "messages, too": lambda client: with_field(client, "messages", b'[{"role":"user","content":"hello"}]'),
    "no messages": lambda client: with_field(client, "messages", b"[]"),
    "messages that are null": lambda client: with_field(client, "messages", b"[null]"),
    "an unknown role": lambda client: with_field(client, "messages", b'[{"role":"king","content":"hello"}]'),
    "a message that is empty": lambda client: with_field(client, "messages", b"[{}]"),
    "content that is empty": lambda client: with_field(client, "messages", b'[{"role":"user","content":""}]'),
    "content of no parts": lambda client: with_field(client, "messages", b'[{"role":"user","content":[]}]'),
    "content that is null": lambda client: with_field(client, "messages", b'[{"role":"user","content":null}]'),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("client", ALL)
def test_an_odd_body_is_refused_in_the_clients_wire_or_can_be_sent(client: str, name: str) -> None:
    assert list(faults(client, BODIES[name](client))) == []


@pytest.mark.parametrize("other", ALL)
@pytest.mark.parametrize("client", ALL)
def test_another_wires_body_is_refused_or_can_be_sent(client: str, other: str) -> None:
    assert list(faults(client, json.dumps(sound(other, with_tools=True)).encode())) == []


@pytest.mark.parametrize("client", ALL)
def test_a_sound_body_is_not_refused(client: str) -> None:
    assert list(faults(client, json.dumps(sound(client)).encode())) == []
    assert sent(client, client, json.dumps(sound(client)).encode())


PLACE = b'"PLACE"'


@pytest.mark.parametrize("client", ALL)
def test_no_depth_makes_us_fail(client: str) -> None:
    """Wherever there may be an object of the client's own making, it may be deep."""
    found = []
    fields = spoilt_places(client)
    for body, at in fields[:: max(1, len(fields) // 40)]:
        marked = json.dumps(replaced(body, at, "PLACE")).encode()
        for levels in (100, 200, 400, 800, 1200):
            deep = marked.replace(PLACE, nested(levels))
            found += [f"{written(at)}, {levels} levels: {fault}" for fault in faults(client, deep)]
    assert found == []


SCHEMAS = {
    "properties": (b'{"type":"object","properties":{"a":', b"}}"),
    "items": (b'{"type":"array","items":', b"}"),
    "anyOf": (b'{"anyOf":[', b"]}"),
    "$defs": (b'{"type":"object","$defs":{"a":', b"}}"),
    "anything": (b'{"a":', b"}"),
}
PARAMETERS = (
    b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}',
    b'{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
NEAR_THE_END = (*range(960, 1001, 2), 100_000)
"""Levels around those at which reading and writing JSON fail."""


@pytest.mark.parametrize("kind", SCHEMAS)
@pytest.mark.parametrize("client", CHATS)
def test_a_deep_schema_is_sent_or_refused(client: str, kind: str) -> None:
    opening, end = SCHEMAS[kind]
    body = json.dumps(sound(client, True)).encode()
    assert PARAMETERS[1] in body
    for levels in (50, 200):
        deep = body.replace(PARAMETERS[1], opening * levels + b'{"type":"string"}' + end * levels)
        assert list(faults(client, deep)) == []
        assert sent(client, client, deep)
    found = []
    for levels in (300, 480, *NEAR_THE_END):
        deep = body.replace(PARAMETERS[1], opening * levels + b'{"type":"string"}' + end * levels)
        found += [f"{levels}: {fault}" for fault in faults(client, deep) if not is_at_the_end(fault)]
    assert found == []


@pytest.mark.parametrize("client", CHATS)
def test_deep_arguments_are_sent_or_refused(client: str) -> None:
    body = msgspec.json.encode(sound(client, True))
    found = []
    for levels in (50, 200, 480, *NEAR_THE_END):
        deep = nested(levels)
        changed = body.replace(b'{"city":"Paris"}', deep)
        changed = changed.replace(b'{\\"city\\":\\"Paris\\"}', deep.replace(b'"', b'\\"'))
        assert changed != body
        found += [f"{levels}: {fault}" for fault in faults(client, changed) if not is_at_the_end(fault)]
    assert found == []


def is_at_the_end(fault: str) -> bool:
    """Our reader takes a level or two less than the one before it, which says nothing of the provider's."""
    return fault.startswith("what ") and "nested too deeply" in fault


JUNK = st.sampled_from([*WRONG, "https://example.com/a.png", "user", "tool", "text", {"type": "text"}, [{"type": "x"}]])


@st.composite
def spoilt(draw: st.DrawFn, client: str) -> Any:
    """A sound request after a few accidents: things are lost, come twice, change places or are something else."""
    body = draw(st.sampled_from(seeds(client)))
    for _ in range(draw(st.integers(1, 4))):
        every = list(places(body))
        if not every:
            return body
        at = draw(st.sampled_from(every))
        accident = draw(st.sampled_from(["lost", "twice", "moved", "replaced"]))
        if accident == "replaced":
            body = replaced(body, at, draw(JUNK))
        elif accident == "moved":
            body = replaced(body, at, value_at(body, draw(st.sampled_from(every))))
        else:
            outer = value_at(body, at[:-1])
            if isinstance(outer, list):
                index = int(at[-1])
                again = [outer[index], outer[index]] if accident == "twice" else []
                body = replaced(body, at[:-1], [*outer[:index], *again, *outer[index + 1 :]])
            elif accident == "lost":
                body = replaced(body, at[:-1], {name: inner for name, inner in outer.items() if name != at[-1]})
            else:
                body = replaced(body, at[:-1], outer | {f"{at[-1]}_": outer[at[-1]]})
    return body


@pytest.mark.parametrize("client", ALL)
def test_accidents_never_make_us_fail(client: str) -> None:
    assert seeds(client)  # outside of what hypothesis watches: official clients are imported

    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    @given(body=spoilt(client))
    def become_requests_or_refusals(body: Any) -> None:
        assert list(faults(client, json.dumps(body).encode())) == []

    become_requests_or_refusals()


# Calls of tools.


def call_in(request: ChatRequest, index: int) -> ToolCall:
    call = request.messages[2].parts[index]
    assert isinstance(call, ToolCall)
    return call


def with_call(request: ChatRequest, **fields: str) -> None:
    for name, value in fields.items():
        setattr(call_in(request, 0), name, value)


def with_tools(request: ChatRequest, *names: str) -> None:
    request.tools = [Tool(name=name, parameters={"type": "object"}) for name in names]


def with_turns(request: ChatRequest, count: int) -> None:
    request.messages += [Message(role=("assistant", "user")[n % 2], parts=[Text(text="x")]) for n in range(count)]


TOOL_CHANGES: dict[str, Callable[[ChatRequest], Any]] = {
    "a result without a call": lambda request: request.messages.pop(2),
    "a call without a result": lambda request: request.messages[3].parts.pop(),
    "a result twice": lambda request: request.messages[3].parts.append(request.messages[3].parts[0]),
    "one id for two calls": lambda request: with_call(request, id=call_in(request, 1).id),
    "one name for two tools": lambda request: with_tools(request, "f", "f"),
    "calls at the end": lambda request: request.messages.pop(),
    "results in front": lambda request: request.messages.insert(0, request.messages.pop()),
    "tools that are not there": with_tools,
    "500 tools": lambda request: with_tools(request, *[f"tool_{index}" for index in range(500)]),
    "arguments that are not JSON": lambda request: with_call(request, arguments='{"city":'),
    "arguments that are a list": lambda request: with_call(request, arguments="[1]"),
    "arguments that are half a character": lambda request: with_call(request, arguments='"\\ud800"'),
    "a long name": lambda request: with_tools(request, "n" * 5000),
    "a name with spaces": lambda request: with_tools(request, "get the weather"),
    "a long id": lambda request: with_call(request, id="i" * 5000),
    "10,000 messages": lambda request: with_turns(request, 10_000),
}


def said_of_tools(client: str, change: str) -> bytes:
    """A tool loop with something wrong in it."""
    request = conversation(True)
    TOOL_CHANGES[change](request)
    return chat_format(client).encode_request(request, profile(client)).body


@pytest.mark.parametrize("change", TOOL_CHANGES)
@pytest.mark.parametrize("client", CHATS)
def test_a_broken_tool_loop_is_sent_or_refused(client: str, change: str) -> None:
    try:
        body = said_of_tools(client, change)
    except ClientError:
        return  # no client of this wire can say it
    assert list(faults(client, body)) == []


# Media.


MEDIA: dict[str, Callable[[], str]] = {
    "5 MB": lambda: base64.b64encode(bytes(5_000_000)).decode(),
    "no base64": lambda: "this is *not* base64!",
    "base64 that is cut": lambda: base64.b64encode(bytes(1000)).decode()[:-3],
    "base64 in lines": lambda: base64.encodebytes(bytes(1000)).decode(),
    "base64 for URLs": lambda: base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 50).decode(),
    "nothing": lambda: "",
}


@pytest.mark.parametrize("name", MEDIA)
@pytest.mark.parametrize("kind", [Image, Audio, Document])
@pytest.mark.parametrize("client", CHATS)
def test_media_are_sent_or_refused_without_their_bytes(client: str, kind: Any, name: str) -> None:
    media_type = {Image: "image/png", Audio: "audio/wav", Document: "application/pdf"}[kind]
    part = kind(data="UExBQ0U=", media_type=media_type)
    turns = [Message(role="user", parts=[Text(text="What is this?"), part])]
    try:
        body = chat_format(client).encode_request(
            ChatRequest(origin="test", model="a-model", messages=turns), profile(client)
        )
    except ClientError:
        return  # no client of this wire can say it
    spoilt_body = body.body.replace(b"UExBQ0U=", json.dumps(MEDIA[name]())[1:-1].encode())
    assert list(faults(client, spoilt_body)) == []
