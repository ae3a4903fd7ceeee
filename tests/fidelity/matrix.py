"""The fidelity matrix: a conversation in every client's wire, to every provider's, whole, streamed, and with tools.

What the client says is decoded, written for the provider, and read there again as the provider would; the provider's
answer comes back the same way. A cell is what of the conversation did not arrive.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.answers import TranslatedStream
from entresol.llm.events import (
    ChatEvent,
    Ended,
    Finished,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
)
from entresol.llm.format import ChatFormat, Profile, StreamShape
from entresol.llm.replay import events_of
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonObject,
    Message,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from fidelity.classes import OPENAI, chat_format

CLIENTS = (
    "openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse", "cohere-chat", "ollama-chat",
    "ollama-generate", "tgi-generate", "openai-completions",
)  # fmt: skip
PROVIDERS = (*CLIENTS[:7], "tgi-generate", "openai-completions")
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLS = (("call_1", '{"city":"Paris"}'), ("call_2", '{"city":"Lima"}'))
USAGE = Usage(input=40, output=7)
MODELS = {"bedrock-converse": "anthropic.claude-sonnet-4-5-20250929-v1:0"}
PATHS = {
    "gemini": "/v1beta/models/a-model:generateContent",
    "bedrock-converse": "/model/a-model/converse",
}


@dataclass(frozen=True)
class Cell:
    """A pair of wires, and a way of calling."""

    client: str
    provider: str
    stream: bool
    tools: bool


def cells() -> Iterator[Cell]:
    """Every one."""
    for client in CLIENTS:
        for provider in PROVIDERS:
            for stream in (False, True):
                for tools in (False, True):
                    yield Cell(client, provider, stream, tools)


def profile(name: str) -> Profile:
    return OPENAI if name.startswith("openai-") else Profile(provider=name)


def conversation(with_tools: bool) -> ChatRequest:
    """What is asked: in the middle of a tool loop, or plainly."""
    turns = [Message(role="user", parts=[Text(text="What is the weather in Paris and Lima?")])]
    request = ChatRequest(origin="matrix", model="a-model", messages=turns, max_tokens=100)
    if with_tools:
        request.messages.insert(0, Message(role="system", parts=[Text(text="Be brief.")]))
        calls: list[Part] = [ToolCall(id=name, name="get_weather", arguments=text) for name, text in CALLS]
        request.messages.append(Message(role="assistant", parts=calls))
        results: list[Part] = [
            ToolResult(call_id=name, name="get_weather", parts=[Text(text=f"18 degrees for {name}")])
            for name, _ in CALLS
        ]
        request.messages.append(Message(role="tool", parts=results))
        request.tools = [Tool(name="get_weather", description="Current weather", parameters=SCHEMA)]
    return request


def answer(with_tools: bool) -> ChatResponse:
    """What the model says."""
    parts: list[Part] = [Text(text="Let me see.")]
    if with_tools:
        parts += [ToolCall(id=name, name="get_weather", arguments=text) for name, text in CALLS]
    choice = Choice(parts=parts, finish_reason="tool_calls" if with_tools else "stop")
    return ChatResponse(origin="matrix", id="id-1", model="a-model", created=1, choices=[choice], usage=USAGE)


def lost_in(cell: Cell) -> list[str]:
    """What does not arrive: empty where the pair is faithful. `refused` says that the call is, with 400."""
    client, provider = chat_format(cell.client), chat_format(cell.provider)
    model = MODELS.get(cell.provider, "a-model")
    try:
        asked = client.encode_request(conversation(cell.tools), profile(cell.client)).body
        request = client.decode_request(asked, PATHS.get(cell.client, ""))
    except ClientError:
        return ["the client's wire has no such call"]
    request.model = model
    try:
        sent = provider.encode_request(request, profile(cell.provider))
    except ClientError:
        return ["refused"]
    received = provider.decode_request(sent.body, PATHS.get(cell.provider, ""))
    lost = [] if said(received.messages) == said(request.messages) else ["the conversation"]
    if [tool.name for tool in received.tools if isinstance(tool, Tool)] != [
        tool.name for tool in request.tools if isinstance(tool, Tool)
    ]:
        lost.append("the tools")
    return lost + (lost_of_stream if cell.stream else lost_of_answer)(client, provider, cell.tools)


def said(messages: list[Message]) -> list[tuple[str, str]]:
    """Who says what, in one form for all wires: consecutive words of one speaker are one."""
    found: list[tuple[str, str]] = []
    for message in messages:
        role = "system" if message.role == "developer" else message.role
        for part in message.parts:
            if isinstance(part, ToolCall):
                found.append(("call", part.name + part.arguments.replace(" ", "")))
            elif isinstance(part, ToolResult):
                text = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
                found.append(("result", unwrapped(text)))
            elif isinstance(part, Text) and part.text:
                found.append((role, part.text))
    return found


def unwrapped(text: str) -> str:
    """A result's words, also inside an object, as Gemini has results and others then get them."""
    try:
        return "".join(msgspec.json.decode(text, type=dict[str, str]).values())
    except msgspec.DecodeError:
        return text


def lost_of_answer(client: ChatFormat, provider: ChatFormat, with_tools: bool) -> list[str]:
    """What of a whole answer does not arrive."""
    written = provider.encode_response(answer(with_tools)).body
    heard = client.decode_response(client.encode_response(provider.decode_response(written)).body)
    return differences(events_of(heard), provider, with_tools)


def lost_of_stream(client: ChatFormat, provider: ChatFormat, with_tools: bool) -> list[str]:
    """What of a streamed answer does not arrive."""
    shape = StreamShape(model="a-model", created=1, request_id="0" * 32)
    written = provider.stream_encoder(shape).encode(events_of(answer(with_tools)))
    reading = TranslatedStream(provider.stream_decoder(), client.stream_encoder(shape), client, shape)
    out = reading.feed(written, True)
    decoder = client.stream_decoder()
    heard = decoder.feed(out)
    return differences(heard + decoder.finish(), provider, with_tools)


def differences(events: list[ChatEvent], provider: ChatFormat, with_tools: bool) -> list[str]:
    """What of the answer is not in these events."""
    expected = heard_in(events_of(provider.decode_response(provider.encode_response(answer(with_tools)).body)))
    found = heard_in(events)
    return [name for name in expected if found.get(name) != expected[name]]


def heard_in(events: list[ChatEvent]) -> dict[str, object]:
    """An answer as a client sees it."""
    calls: dict[int, str] = {}
    for event in events:
        if isinstance(event, ToolCallStarted):
            calls[event.index] = event.name
        elif isinstance(event, ToolArgumentsDelta):
            calls[event.index] += event.text.replace(" ", "")
    usage = next((event.usage for event in reversed(events) if isinstance(event, UsageReported)), None)
    finished = [event.reason for event in events if isinstance(event, Finished)]
    return {
        "words": "".join(event.text for event in events if isinstance(event, TextDelta)),
        "tool calls": list(calls.values()),
        "the finish reason": finished[-1] if finished else None,
        "usage": None if usage is None else (usage.total_input, usage.total_output),
        "the end": any(isinstance(event, Ended) for event in events),
    }
