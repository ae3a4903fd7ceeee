"""The comparison that `make bench` prints: one run, all servers interleaved."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.rig import Measurement, Rig, Target, median_cpu, median_load, ratio, rss_mb


@dataclass(frozen=True)
class Series:
    """One kind of load."""

    name: str
    mode: str
    body: str
    connections: int
    seconds: float = 3
    rounds: int = 3
    rate: float = 0


SERIES = (
    Series("1 KB", "closed", "body_1k.json", 32),
    Series("100 KB", "closed", "body_100k.json", 16),
    Series("200 streams", "sse", "body_stream.json", 200, seconds=5),
    Series("500 streams", "sse", "body_stream.json", 500, seconds=5),
)
GATEWAY_SERIES = (Series("1 KB, 16 connections", "closed", "body_1k.json", 16, seconds=5),)


def run(targets: Sequence[Target], series: Sequence[Series], reference: str = "nginx") -> list[dict[str, object]]:
    """Measure and print every series; returns the rows as they go into the JSON file."""
    rows: list[dict[str, object]] = []
    with Rig(targets) as rig:
        idle = {target.name: rss_mb(rig.pids(target)) for target in rig.targets}
        for absent in rig.absent:
            print(f"left out, did not come up or answered wrongly: {absent}")
        for one in series:
            results = rig.rounds(
                one.mode,
                one.body,
                connections=one.connections,
                seconds=one.seconds,
                rounds=one.rounds,
                rate=one.rate,
            )
            rows += _print_series(one, results, reference)
        print("\nRSS of the process tree, MB: idle → under load → after")
        for target in rig.targets:
            under = max((row["rss_mb"] for row in rows if row["target"] == target.name), default=0)  # type: ignore[type-var]
            print(f"  {target.name:22s} {idle[target.name]:7.1f} {under:7.1f} {rss_mb(rig.pids(target)):7.1f}")
    return rows


def _print_series(series: Series, results: dict[str, list[Measurement]], reference: str) -> list[dict[str, object]]:
    unit = "chunk" if series.mode == "sse" else "request"
    print(f"\n{series.name}: {series.connections} connections, {series.rounds} rounds of {series.seconds:g} s")
    print(
        f"  {'server':22s} {'CPU µs/' + unit:>15s} {'x ' + reference:>9s} {'per core/s':>11s} {'p50 ms':>8s} {'p99 ms':>8s} bad"
    )
    rows = []
    for name, measurements in results.items():
        cpu = median_cpu(measurements)
        relative = ratio(results, name, reference) if reference in results else float("nan")
        bad = sum(m.load["not_200"] + m.load["errors"] + m.load.get("disorder", 0) for m in measurements)
        keys = ("first_p50", "gap_p99") if series.mode == "sse" else ("p50", "p99")
        p50, p99 = (median_load(measurements, key) / 1000 for key in keys)
        print(f"  {name:22s} {cpu:15.1f} {relative:9.2f} {1e6 / cpu:11.0f} {p50:8.2f} {p99:8.2f} {bad:.0f}")
        rows.append(
            {
                "series": series.name,
                "target": name,
                "connections": series.connections,
                f"cpu_us_per_{unit}": round(cpu, 2),
                f"ratio_to_{reference}": round(relative, 3),
                "p50_us": median_load(measurements, "p50"),
                "p99_us": median_load(measurements, "p99"),
                "first_p50_us": median_load(measurements, "first_p50"),
                "bad": bad,
                "rss_mb": round(max(m.rss_mb for m in measurements), 1),
            }
        )
    return rows
