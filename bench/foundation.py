"""The figures of the foundation: data plane, first plugins, first formats."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.bodies import write_bodies
from bench.figure import Figure
from bench.peers import entresol, install_peers, targets, write_configurations
from bench.rig import ROOT, Measurement, Rig, Target, is_up, ratio, rss_mb, running

QUICK = False
RESOLUTION_MS = 0.05
"""Smaller differences of two latencies are noise of the rig; nothing is divided by them."""
LATENCY_ROUNDS = 21
"""A burst of somebody else's work spoils the p99 of the round it falls into: many short rounds, of which the median."""
DATA_PLANE = ("direct", "nginx", "nginx-lua", "nginx-tls", "bare", "all-on", "all-on-tls", "all-on-cross-format")


def figures() -> Iterator[Figure]:
    write_bodies()
    write_configurations()
    install_peers()
    yield from _conformance()
    available = targets()
    with Rig([available[name] for name in DATA_PLANE if name in available and name != "direct"]) as rig:
        yield from _requests(rig)
        yield from _chunks(rig)
        yield from _latency(rig, available["direct"])
    yield from _gateways(available)
    yield from _process()
    if not QUICK:
        yield from _soak(available["all-on"])
        yield from _clean_clone()


def _conformance() -> Iterator[Figure]:
    sys.path.insert(0, str(ROOT / "tests"))
    from conformance.http1.cases import CASES

    yield Figure("malformed or ambiguous messages, each with its demanded answer", len(CASES), ">=", 60, "cases")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "tests/conformance"], cwd=ROOT, capture_output=True, check=False
    )
    yield Figure("conformance and differential suites: exit code", done.returncode, "=", 0)


def _requests(rig: Rig) -> Iterator[Figure]:
    r = rig.rounds("closed", "body_1k.json", connections=32, seconds=3, rounds=5)
    yield _ratio("CPU per request, bare ÷ nginx (32 connections)", r, "bare", "nginx", 2.2)
    yield _ratio("CPU per request, all plugins ÷ nginx (32 connections)", r, "all-on", "nginx", 3.5)
    yield _ratio("CPU per request, all plugins ÷ nginx+Lua (32 connections)", r, "all-on", "nginx-lua", 1.5)
    yield _ratio("CPU per request, all plugins over TLS ÷ nginx over TLS", r, "all-on-tls", "nginx-tls", 2.5)


def _chunks(rig: Rig) -> Iterator[Figure]:
    r = rig.rounds("sse", "body_stream.json", connections=200, seconds=5, rounds=3)
    yield _ratio("CPU per chunk, same format ÷ nginx (200 streams)", r, "all-on", "nginx", 1.6)
    yield _ratio("CPU per chunk, cross format ÷ nginx (200 streams)", r, "all-on-cross-format", "nginx", 5)
    target = next(t for t in rig.targets if t.name == "all-on")
    m = rig.measure(target, "sse", "body_stream.json", connections=500, seconds=8).load
    broken = m["disorder"] + m["truncated"] + m["not_200"] + m["errors"]
    yield Figure("500 paced streams, one worker: frames or streams lost or reordered", broken, "=", 0)
    yield Figure("500 paced streams, one worker: streams answered whole", m["answered"], ">=", 500, "streams")


def _latency(rig: Rig, direct: Target) -> Iterator[Figure]:
    names = {t.name: t for t in rig.targets}
    chosen = [direct, names["nginx"], names["all-on"]]
    first: dict[str, list[float]] = {t.name: [] for t in chosen}
    p50: dict[str, list[float]] = {t.name: [] for t in chosen}
    p99: dict[str, list[float]] = {t.name: [] for t in chosen}
    for _ in range(LATENCY_ROUNDS):
        for target in chosen:
            first[target.name].append(
                rig.load(target, "sse", "body_stream.json", connections=10, seconds=2)["first_p50"] / 1000
            )
            at_rate = rig.load(target, "rate", "body_1k.json", connections=32, seconds=2, rate=300)
            p50[target.name].append(at_rate["p50"] / 1000)
            p99[target.name].append(at_rate["p99"] / 1000)
    base = statistics.median(first["direct"])
    yield Figure(
        "time to first chunk added, p50, 10 streams", statistics.median(first["all-on"]) - base, "<=", 1.0, "ms"
    )
    for label, samples, limit in (("p50", p50, 2.0), ("p99", p99, 1.5)):
        direct_ms, nginx_ms, ours_ms = (statistics.median(samples[n]) for n in ("direct", "nginx", "all-on"))
        added = (ours_ms - direct_ms) / max(RESOLUTION_MS, nginx_ms - direct_ms)
        yield Figure(f"added latency {label} at 300 requests/s, all plugins ÷ nginx", added, "<=", limit)


def _gateways(available: dict[str, Target]) -> Iterator[Figure]:
    chosen = [available[name] for name in ("all-on", "portkey", "litellm") if name in available]
    with Rig(chosen) as rig:
        r = rig.rounds("closed", "body_1k.json", connections=16, seconds=5, rounds=3)
    for name, least in (("litellm", 50), ("portkey", 12)):
        value = ratio(r, name, "all-on") if name in r else None
        yield Figure(f"CPU per request, {name} ÷ ours with all plugins (16 connections)", value, ">=", least)


def _process() -> Iterator[Figure]:
    target = entresol("start", 18120, "full.yaml")
    starts, sizes = [], []
    for _ in range(3):
        started = time.monotonic()
        with running(target.command, "0") as process:
            if is_up(target.port, 10):
                with Rig([]) as rig:
                    rig.load(target, "closed", "body_1k.json", connections=1, seconds=0.01)
            starts.append(time.monotonic() - started)
            sizes.append(rss_mb([process.pid]))
    yield Figure("start to first answer", min(starts), "<=", 1.0, "s")
    yield Figure("idle RSS of a worker", statistics.median(sizes), "<=", 60, "MB")


def _soak(target: Target) -> Iterator[Figure]:
    """Five minutes of mixed load; the slope is the least-squares line through the samples after the first minute."""
    with Rig([target]) as rig:
        started, samples = time.monotonic(), []
        while (elapsed := time.monotonic() - started) < 300:
            rig.load(target, "closed", "body_1k.json", connections=32, seconds=4)
            rig.load(target, "sse", "body_stream.json", connections=100, seconds=4)
            if elapsed > 60:
                samples.append(((time.monotonic() - started) / 60, rss_mb(rig.pids(target))))
    slope = statistics.linear_regression(*zip(*samples, strict=True)).slope
    yield Figure("RSS slope under 5 minutes of load", slope, "<=", 0.2, "MB a minute")


def _clean_clone() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "entresol"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        started = time.monotonic()
        done = subprocess.run(["make", "test"], cwd=clone, capture_output=True, check=False)
        minutes = (time.monotonic() - started) / 60
    yield Figure("test command from a clean clone: exit code", done.returncode, "=", 0)
    yield Figure("test command from a clean clone", minutes, "<=", 20, "minutes")


def _ratio(name: str, results: dict[str, list[Measurement]], ours: str, reference: str, limit: float) -> Figure:
    value = ratio(results, ours, reference) if ours in results and reference in results else None
    return Figure(name, value, "<=", limit)
