"""CPU time of every plugin's phases, one by one, on the 1 KB chat call and the configuration that `make bench` uses.

    python -m bench.micro_plugins [--json]

Each phase runs over a batch of fresh exchanges that have been through everything before it, as in production. The
best of many rounds counts; the garbage collector is off. ai-proxy is shown beside the others, not in their sum.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence

from bench import peers
from bench.bodies import chat
from bench.rig import KEY
from entresol.api_floor.answers import Identity, RequestIds
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.forwarding import build_redirected_request, build_upstream_request
from entresol.api_floor.plan import Plan
from entresol.api_floor.plugin import AnyPlugin, Plugin
from entresol.api_floor.registry import PluginRegistry
from entresol.core.http import Connection, Headers, RequestHead, ResponseHead
from entresol.net.clock import SystemClock
from entresol.store import declarative
from entresol.store.counters import LocalCounters
from entresol.telemetry.metrics import WorkerMetrics

BATCH, ROUNDS = 32, 1000  # as many requests under way as `make bench` has connections
BODY = chat(1000)
FIELDS = [
    (b"host", b"127.0.0.1:18111"), (b"user-agent", b"bench/1"), (b"accept", b"*/*"),
    (b"content-type", b"application/json"), (b"authorization", b"Bearer " + KEY.encode()),
    (b"content-length", b"%d" % len(BODY)),
]  # fmt: skip
ANSWER_FIELDS = [
    (b"content-type", b"application/json"), (b"content-length", b"1024"), (b"x-request-id", b"req_0123456789abcdef"),
    (b"openai-processing-ms", b"1"),
]  # fmt: skip
ANSWER = json.dumps({
    "id": "chatcmpl-9f3bqkT7b2mZ0c1XyVtJwQ8", "object": "chat.completion", "created": 1730000000,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 120, "refusal": None},
                 "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 182, "completion_tokens": 120, "total_tokens": 302,
              "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}},
}, separators=(",", ":")).encode()  # fmt: skip
CONNECTION = Connection("127.0.0.1", 40000, "127.0.0.1", 18111)


class NoLines:
    """Takes log lines and forgets them."""

    def write(self, path: str, line: bytes, reopen: bool = False) -> None: ...


class Batch:
    """Exchanges that stand at the same point of the path."""

    def __init__(self, plan: Plan, size: int = BATCH) -> None:
        self._clock = SystemClock()
        self._ids = RequestIds()
        self._identity = Identity("Entresol", "1")
        self.exchanges = [self._arrived(plan) for _ in range(size)]

    def _arrived(self, plan: Plan) -> Exchange:
        request = RequestHead("POST", "/v1/chat/completions", "", Headers(FIELDS.copy()), CONNECTION)
        exchange = Exchange(request, self._ids.new(), plan, self._clock.now(), self._clock.monotonic())
        exchange.match = match = plan.router.match(request)
        assert match is not None
        build = build_redirected_request if plan.chain(match.route, None).replaces_upstream else build_upstream_request
        exchange.upstream = build(exchange, match)
        exchange.body = BODY
        return exchange

    def answer(self) -> None:
        """The upstream has answered."""
        for exchange in self.exchanges:
            exchange.times.upstream_sent = self._clock.monotonic()
            exchange.times.response_head = self._clock.monotonic()
            exchange.upstream_status, exchange.source = 200, "service"
            head = ResponseHead(200, Headers(ANSWER_FIELDS.copy()), len(ANSWER))
            self._identity.mark_proxied(head.headers, exchange)
            exchange.response = head

    def finish(self) -> None:
        """The answer is out."""
        for exchange in self.exchanges:
            exchange.times.finished = self._clock.monotonic()
            exchange.request_bytes, exchange.response_bytes = len(BODY), len(ANSWER)

    def cost_us(self, phase: Callable[[Exchange], object]) -> float:
        """Run a phase on all of them."""
        exchanges = self.exchanges
        start = time.perf_counter_ns()
        for exchange in exchanges:
            phase(exchange)
        return (time.perf_counter_ns() - start) / len(exchanges) / 1000


def compiled_plan() -> Plan:
    """The plan of `make bench`'s gateway with everything on."""
    url = "http://127.0.0.1:19002"
    text = peers.entresol_conf(url, plugins=peers.all_plugins(f"{url}/v1/chat/completions"))
    configuration = declarative.load(text, {})
    assert isinstance(configuration, Configuration), configuration
    clock = SystemClock()
    ports = PluginPorts(clock, LocalCounters(clock), NoLines(), WorkerMetrics())
    return compile_plan(configuration, PluginRegistry.installed(), ports)


def one_round(plan: Plan, note: Callable[[str, str, float], None]) -> None:
    """One batch through the whole path."""
    batch = Batch(plan)
    match = batch.exchanges[0].match
    assert match is not None
    plugins = plan.chain(match.route, None).plugins
    run_phase(batch, plugins, "access", note)
    batch.answer()
    run_phase(batch, plugins, "header_filter", note)
    for plugin in overriding(plugins, "body_filter"):

        def whole_body(exchange: Exchange, plugin: AnyPlugin = plugin) -> None:
            change = plugin.body_filter(exchange)
            assert change is not None
            change(ANSWER, True)

        note(plugin.name, "body_filter", batch.cost_us(whole_body))
    batch.finish()
    run_phase(batch, plugins, "log", note)
    assert all(exchange.refusal_code is None and exchange.consumer is not None for exchange in batch.exchanges)


def overriding(plugins: Sequence[AnyPlugin], phase: str) -> list[AnyPlugin]:
    """Those that take part in a phase."""
    return [plugin for plugin in plugins if getattr(type(plugin), phase) is not getattr(Plugin, phase)]


def run_phase(batch: Batch, plugins: Sequence[AnyPlugin], phase: str, note: Callable[[str, str, float], None]) -> None:
    for plugin in overriding(plugins, phase):
        note(plugin.name, phase, batch.cost_us(getattr(plugin, phase)))


def measure() -> dict[str, dict[str, float]]:
    """Microseconds by plugin and phase."""
    plan = compiled_plan()
    best: dict[str, dict[str, float]] = {}

    def note(plugin: str, phase: str, cost: float) -> None:
        phases = best.setdefault(plugin, {})
        phases[phase] = min(cost, phases.get(phase, float("inf")))

    gc.disable()
    for _ in range(ROUNDS):
        one_round(plan, note)
    return best


def main() -> None:
    figures = measure()
    sums = {plugin: sum(phases.values()) for plugin, phases in figures.items()}
    ours = sum(cost for plugin, cost in sums.items() if plugin != "ai-proxy")
    if "--json" in sys.argv:
        print(json.dumps({"phases": figures, "sum": ours}))
        return
    for plugin, phases in figures.items():
        parts = "  ".join(f"{phase} {cost:.2f}" for phase, cost in phases.items())
        print(f"{plugin:22s} {sums[plugin]:6.2f}   {parts}")
    print(f"{'sum without ai-proxy':22s} {ours:6.2f} µs")


if __name__ == "__main__":
    main()
