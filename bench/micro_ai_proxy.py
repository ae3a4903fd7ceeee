"""CPU time of ai-proxy's phases on the 1 KB chat call of `make bench`, and of one chunk of a stream.

    python -m bench.micro_ai_proxy

The exchanges have been through every plugin before ai-proxy, as in production. The best of many rounds counts; the
garbage collector is off. `upstream` is the building of the upstream request, which the path does for ai-proxy.
"""

import gc
import json
import time
from collections.abc import Callable

from bench import peers
from bench.bodies import chat
from bench.micro_plugins import BATCH, BODY, Batch, NoLines, overriding
from entresol.api_floor import forwarding
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.plan import Plan
from entresol.api_floor.plugin import AnyPlugin
from entresol.api_floor.registry import PluginRegistry
from entresol.core.http import Headers, ResponseHead
from entresol.net.clock import SystemClock
from entresol.store import declarative
from entresol.store.counters import LocalCounters
from entresol.telemetry.metrics import WorkerMetrics

ROUNDS, STREAM_ROUNDS, CHUNKS = 1000, 150, 200
WORDS = "word " * 100
OPENAI_ANSWER = json.dumps({
    "id": "chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8", "object": "chat.completion", "created": 1730000000, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS, "refusal": None},
                 "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 182, "completion_tokens": 120, "total_tokens": 302,
              "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}},
}, separators=(",", ":")).encode()  # fmt: skip
ANTHROPIC_ANSWER = json.dumps({
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": WORDS}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 182, "output_tokens": 120},
}, separators=(",", ":")).encode()  # fmt: skip
OPENAI_CHUNK = (
    b'data: {"id":"chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8","object":"chat.completion.chunk","created":1730000000,'
    b'"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"word "},"logprobs":null,"finish_reason":null}],'
    b'"usage":null}\n\n'
)
OPENAI_STREAM = [OPENAI_CHUNK] * CHUNKS + [
    OPENAI_CHUNK.replace(b'{"content":"word "}', b"{}").replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
    b'data: {"id":"c","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":182,"completion_tokens":200}}\n\n',
    b"data: [DONE]\n\n",
]
ANTHROPIC_STREAM = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":182,"output_tokens":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n',
    *[b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
      b'"delta":{"type":"text_delta","text":"word "}}\n\n'] * CHUNKS,
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":200}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]  # fmt: skip

Note = Callable[[str, float], None]


def compiled_plan(provider: str) -> Plan:
    """The plan of `make bench`'s gateway with everything on."""
    path = "/v1/chat/completions" if provider == "openai" else "/v1/messages"
    text = peers.entresol_conf(
        "http://127.0.0.1:19002", plugins=peers.all_plugins(f"http://127.0.0.1:19002{path}", provider)
    )
    configuration = declarative.load(text, {})
    assert isinstance(configuration, Configuration), configuration
    clock = SystemClock()
    return compile_plan(
        configuration, PluginRegistry.installed(), PluginPorts(clock, LocalCounters(clock), NoLines(), WorkerMetrics())
    )


class AiProxyBatch:
    """A batch that stands before ai-proxy."""

    def __init__(self, plan: Plan, body: bytes, note: Note, size: int = BATCH) -> None:
        self.batch = Batch(plan, size)
        self.note = note
        match = self.batch.exchanges[0].match
        assert match is not None
        plugins = plan.chain(match.route, None).plugins
        self.plugin: AnyPlugin = next(plugin for plugin in plugins if plugin.name == "ai-proxy")
        for exchange in self.batch.exchanges:
            exchange.body = body
        for plugin in overriding(plugins, "access"):
            if plugin is self.plugin:
                note("access", self.batch.cost_us(plugin.access))
            else:
                self.batch.cost_us(plugin.access)

    def answer(self, content_type: bytes, size: int | None) -> None:
        """The upstream has answered."""
        self.batch.answer()
        for exchange in self.batch.exchanges:
            head = exchange.response
            assert head is not None
            pairs = [(b"content-type", content_type), *head.headers.pairs[1:]]
            exchange.response = ResponseHead(200, Headers(pairs), size)
        self.note("header_filter", self.batch.cost_us(self.plugin.header_filter))

    def finish(self) -> None:
        """The answer is out."""
        self.batch.finish()
        self.note("log", self.batch.cost_us(self.plugin.log))


def whole_round(plan: Plan, answer: bytes, note: Note) -> None:
    """A batch of calls whose answers are not streamed."""
    made = AiProxyBatch(plan, BODY, note)
    made.answer(b"application/json", len(answer))
    plugin = made.plugin

    def read(exchange: object) -> None:
        change = plugin.body_filter(exchange)  # type: ignore[arg-type]
        assert change is not None
        change(answer, True)

    note("body_filter", made.batch.cost_us(read))
    made.finish()


def stream_round(plan: Plan, body: bytes, pieces: list[bytes], note: Note) -> None:
    """One streamed call."""
    made = AiProxyBatch(plan, body, lambda phase, cost: None, 1)
    made.answer(b"text/event-stream", None)
    change = made.plugin.body_filter(made.batch.exchanges[0])
    assert change is not None
    last = len(pieces) - 1
    start = time.perf_counter_ns()
    for at, piece in enumerate(pieces):
        change(piece, at == last)
    note("chunk", (time.perf_counter_ns() - start) / len(pieces) / 1000)


def best_of(rounds: int, one_round: Callable[[Note], None]) -> dict[str, float]:
    """The smallest cost of each phase."""
    best: dict[str, float] = {}

    def note(phase: str, cost: float) -> None:
        best[phase] = min(cost, best.get(phase, float("inf")))

    for _ in range(rounds):
        one_round(note)
    return best


def build_upstream(plan: Plan) -> float:
    """What the path spends on the upstream request before `access`."""
    batch = Batch(plan)
    match = batch.exchanges[0].match
    assert match is not None
    build = forwarding.build_redirected_request
    return min(batch.cost_us(lambda exchange: build(exchange, match)) for _ in range(ROUNDS))


def main() -> None:
    gc.disable()
    openai, anthropic = compiled_plan("openai"), compiled_plan("anthropic")
    for name, plan, answer in (("same format", openai, OPENAI_ANSWER), ("cross format", anthropic, ANTHROPIC_ANSWER)):
        found = best_of(ROUNDS, lambda note, plan=plan, answer=answer: whole_round(plan, answer, note))  # type: ignore[misc]
        parts = "  ".join(f"{phase} {cost:.2f}" for phase, cost in found.items())
        print(f"{name:28s} {sum(found.values()):6.2f} µs   {parts}")
    print(f"{'upstream':28s} {build_upstream(openai):6.2f} µs")
    unasked = chat(1000, stream=True).replace(b',"stream_options":{"include_usage":true}', b"")
    streams = (
        ("chunk, same format", openai, chat(1000, stream=True), OPENAI_STREAM),
        ("chunk, usage taken out", openai, unasked, OPENAI_STREAM),
        ("chunk, cross format", anthropic, chat(1000, stream=True), ANTHROPIC_STREAM),
    )
    for name, plan, body, pieces in streams:
        found = best_of(
            STREAM_ROUNDS,
            lambda note, plan=plan, body=body, pieces=pieces: stream_round(plan, body, pieces, note),  # type: ignore[misc]
        )
        print(f"{name:28s} {found['chunk']:6.2f} µs   {len(pieces)} pieces")


if __name__ == "__main__":
    main()
