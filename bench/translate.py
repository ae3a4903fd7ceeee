"""CPU of translation in-process: `python -m bench.translate`.

A call of cross-format chat is all four steps: the client's request read and the provider's written, the provider's
answer read and the client's written, JSON included. A chunk is one text delta of a stream, read and written. Times are
process CPU, the least of many rounds: what is above it is somebody else's work.

LiteLLM's side (`litellm_translate.py`, in an environment of its own) runs its own transformation functions on the same
payloads, alternating with ours. It gets the client's request decoded and does not encode its result: that is to its advantage.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.bodies import QUESTION, SYSTEM
from bench.rig import ROOT, RUN
from entresol.llm.answers import TranslatedStream
from entresol.llm.events import ChatEvent, Ended, Finished, Started, TextDelta, UsageReported
from entresol.llm.format import ChatFormat, Profile, StreamShape
from entresol.llm.registry import format_named
from entresol.llm.types import ChatResponse, Choice, Text, ToolCall, Usage

CLIENTS = (
    "openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse", "cohere-chat", "ollama-chat",
)  # fmt: skip
PROFILES = {
    "openai-chat": Profile(provider="openai", max_tokens_field="max_completion_tokens", has_developer_role=True),
    "anthropic-messages": Profile(provider="anthropic"),
    "gemini": Profile(provider="gemini"),
}
LITELLM = ROOT / ".venv" / "litellm" / "bin" / "python"
PEERS = ("anthropic-messages", "gemini", "bedrock-converse")
"""Providers' wires that LiteLLM's functions are measured for, from OpenAI's."""
CHUNKS = 200
CITY = {"type": "object", "properties": {"city": {"type": "string", "description": "The city"}}, "required": ["city"]}


def question() -> dict[str, Any]:
    """A 1 KB chat call, in OpenAI's format."""
    turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION + "Keep it practical. " * 25}]
    return {"model": "a-model", "messages": turns, "temperature": 0.2, "max_tokens": 256}


def agent_turn() -> dict[str, Any]:
    """A 4 KB call in the middle of a tool loop: eight tools, two parallel calls and their results."""
    names = [f"get_{noun}" for noun in ("weather", "time", "news", "traffic", "events", "hotels", "flights", "prices")]
    tools = [
        {"type": "function", "function": {"name": name, "description": f"{name} of a city. " * 8, "parameters": CITY}}
        for name in names
    ]
    calls = [
        {"id": f"call_{at}", "type": "function", "function": {"name": names[at], "arguments": '{"city":"Paris"}'}}
        for at in range(2)
    ]
    results = [
        {"role": "tool", "tool_call_id": f"call_{at}", "content": "18 degrees, 14:05 local time"} for at in range(2)
    ]
    turns = [*question()["messages"], {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    return {"model": "a-model", "messages": turns, "tools": tools, "max_tokens": 256}


def answer(calls_tools: bool) -> ChatResponse:
    """What the model says."""
    parts: list[Any] = [Text(text="A token bucket holds what may be spent at once. " * 6)]
    if calls_tools:
        parts.append(ToolCall(id="call_9", name="get_weather", arguments='{"city":"Tokyo"}'))
    choice = Choice(parts=parts, finish_reason="tool_calls" if calls_tools else "stop")
    usage = Usage(input=230, output=64)
    return ChatResponse(origin="bench", id="id-1", model="a-model", created=1, choices=[choice], usage=usage)


def stream(wire: ChatFormat) -> list[bytes]:
    """A stream of `CHUNKS` words, a piece an event."""
    encoder = wire.stream_encoder(StreamShape(model="a-model", created=1, request_id="0" * 32))
    pieces = [encoder.encode([Started(id="id-1", model="a-model", created=1)])]
    pieces += [encoder.encode([TextDelta(" word")]) for _ in range(CHUNKS)]
    last: list[ChatEvent] = [Finished("stop"), UsageReported(Usage(input=230, output=CHUNKS)), Ended()]
    return [piece for piece in [*pieces, encoder.encode(last)] if piece]


def least_us(work: Callable[[], object], rounds: int = 60, times: int = 20) -> float:
    """CPU of one run, in µs: the least of many rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - begun) / times / 1000)
    return best


class Pair:
    """A client's wire and a provider's, with a call and a stream."""

    def __init__(self, client: ChatFormat, native: ChatFormat, call: dict[str, Any], calls_tools: bool) -> None:
        self.client, self.native = client, native
        self.profile = PROFILES.get(native.name, Profile(provider=native.name))
        canonical = format_named("openai-chat")
        assert isinstance(canonical, ChatFormat)
        request = canonical.decode_request(msgspec.json.encode(call))
        own = PROFILES.get(client.name, Profile(provider=client.name))
        self.body = client.encode_request(request, own).body
        self.path = PATHS.get(client.name, "")
        self.answer = native.encode_response(answer(calls_tools)).body
        self.events = stream(native)

    def request(self) -> None:
        """A call, both ways."""
        request = self.client.decode_request(self.body, self.path)
        request.model = "a-model"
        self.native.encode_request(request, self.profile)
        self.client.encode_response(self.native.decode_response(self.answer))

    def stream(self) -> None:
        """A whole stream, a piece at a time."""
        shape = StreamShape(model="a-model", created=1, request_id="0" * 32)
        reading = TranslatedStream(self.native.stream_decoder(), self.client.stream_encoder(shape), self.client, shape)
        for piece in self.events:
            reading.feed(piece, False)
        reading.feed(b"", True)


PATHS = {
    "gemini": "/v1beta/models/a-model:generateContent",
    "bedrock-converse": "/model/a-model/converse",
}


def formats() -> dict[str, ChatFormat]:
    """The chat formats that are measured."""
    found = {}
    for name in CLIENTS:
        wire = format_named(name)
        assert isinstance(wire, ChatFormat)
        found[name] = wire
    return found


def measure() -> dict[tuple[str, str], dict[str, float]]:
    """µs of CPU per pair: `request`, `agent turn`, `chunk`."""
    found = {}
    wires = formats()
    for client in wires.values():
        for native in wires.values():
            if client is native:
                continue
            plain, tools = Pair(client, native, question(), False), Pair(client, native, agent_turn(), True)
            found[client.name, native.name] = {
                "request": least_us(plain.request),
                "agent turn": least_us(tools.request),
                "chunk": least_us(plain.stream, times=2) / CHUNKS,
            }
    return found


def compare() -> dict[str, dict[str, float]]:
    """LiteLLM's time ÷ ours, per provider's wire, on the same payloads in one run. Empty if it is not installed."""
    if not LITELLM.exists():
        return {}
    wires = formats()
    pairs = {
        name: (
            Pair(wires["openai-chat"], wires[name], question(), False),
            Pair(wires["openai-chat"], wires[name], agent_turn(), True),
        )
        for name in PEERS
    }
    RUN.mkdir(parents=True, exist_ok=True)
    payloads = RUN / "translate.json"
    payloads.write_text(
        json.dumps(
            {
                "question": question(),
                "agent turn": agent_turn(),
                "answers": {name: [pair.answer.decode() for pair in both] for name, both in pairs.items()},
                "stream": [
                    json.loads(line[6:])
                    for piece in pairs["anthropic-messages"][0].events
                    for line in piece.decode().splitlines()
                    if line.startswith("data: ")
                ],
            }
        )
    )
    best: dict[str, dict[str, list[float]]] = {}
    for _ in range(6):  # taking turns, so that a slow minute is slow for both
        for name, (plain, tools) in pairs.items():
            ours = best.setdefault(name, {}).setdefault("ours", [float("inf")] * 3)
            ours[:] = [
                min(a, b)
                for a, b in zip(
                    ours,
                    (least_us(plain.request, 20), least_us(tools.request, 20), least_us(plain.stream, 10, 2) / CHUNKS),
                    strict=True,
                )
            ]
        for name, times in litellm_times(payloads).items():
            theirs = best[name].setdefault("theirs", [float("inf")] * 3)
            theirs[:] = [min(a, b) for a, b in zip(theirs, times, strict=True)]
    labels = ("request", "agent turn", "chunk")
    return {
        name: {
            label: theirs / ours
            for label, ours, theirs in zip(labels, each["ours"], each["theirs"], strict=True)
            if theirs != float("inf")
        }
        for name, each in best.items()
    }


def litellm_times(payloads: Path) -> dict[str, list[float]]:
    """What its functions take, in µs: a request, an agent turn, a chunk (infinite where that is not measured)."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    program = Path(__file__).parent / "litellm_translate.py"
    done = subprocess.run(
        [LITELLM, program, payloads], capture_output=True, text=True, env=environment, check=True, timeout=600
    )
    return {name: [float(each) for each in times] for name, times in json.loads(done.stdout.splitlines()[-1]).items()}


def main() -> None:
    print(f"{'client':20s} {'provider':20s} {'request':>9s} {'agent turn':>11s} {'chunk':>8s}   µs of CPU")
    for (client, native), times in measure().items():
        print(f"{client:20s} {native:20s} {times['request']:9.1f} {times['agent turn']:11.1f} {times['chunk']:8.2f}")
    for name, ratios in compare().items():
        shown = ", ".join(f"{label} {ratio:.1f}" for label, ratio in ratios.items())
        print(f"LiteLLM's time ÷ ours, openai-chat to {name}: {shown}")


if __name__ == "__main__":
    main()
