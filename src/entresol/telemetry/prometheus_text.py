"""Snapshots in Prometheus' text exposition format, version 0.0.4."""

import math
from collections.abc import Mapping
from typing import Final

from entresol.telemetry.metrics import Family, Series, Snapshot, merge, with_series

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

KONG_NAMES: Final[Mapping[str, str]] = {
    "entresol_http_requests_total": "kong_http_requests_total",
    "entresol_request_latency_ms": "kong_request_latency_ms",
    "entresol_gateway_latency_ms": "kong_kong_latency_ms",
    "entresol_upstream_latency_ms": "kong_upstream_latency_ms",
    "entresol_bandwidth_bytes_total": "kong_bandwidth_bytes",
    "entresol_ai_llm_requests_total": "kong_ai_llm_requests_total",
    "entresol_ai_llm_cost_total": "kong_ai_llm_cost_total",
    "entresol_ai_llm_tokens_total": "kong_ai_llm_tokens_total",
    "entresol_ai_llm_provider_latency_ms": "kong_ai_llm_provider_latency_ms",
    "entresol_datastore_reachable": "kong_datastore_reachable",
    "entresol_node_info": "kong_node_info",
}
"""The families that Kong's dashboards know, under the names they know them by. Counted once, shown twice."""

_KONG_SOURCES: Final = {"exit": "kong", "error": "kong"}


def render(snapshot: Snapshot, kong_names: bool = True) -> bytes:
    """A scrape's body. With `kong_names`, what Kong has too is shown a second time under Kong's name."""
    lines: list[str] = []
    for family in snapshot:
        if family.series:
            _family(family, family.name, lines)
            alias = KONG_NAMES.get(family.name) if kong_names else None
            if alias is not None:
                _family(_as_kong_says(family), alias, lines)
    return ("\n".join(lines) + "\n").encode("utf-8", "replace") if lines else b""


def _as_kong_says(family: Family) -> Family:
    """Kong knows two sources of answers, the service and itself; ours tells plugins and faults apart."""
    if "source" not in family.label_names:
        return family
    at = family.label_names.index("source")
    series = [_with_label(one, at, _KONG_SOURCES.get(one.labels[at], one.labels[at])) for one in family.series]
    return merge([[with_series(family, series)]])[0]


def _with_label(series: Series, at: int, value: str) -> Series:
    return Series((*series.labels[:at], value, *series.labels[at + 1 :]), series.value, series.counts)


def _family(family: Family, name: str, lines: list[str]) -> None:
    help_text = family.help_text.replace("\\", "\\\\").replace("\n", "\\n")
    lines.append(f"# HELP {name} {help_text}")
    lines.append(f"# TYPE {name} {family.kind}")
    for series in sorted(family.series, key=lambda series: series.labels):
        pairs = [f'{label}="{_escape(value)}"' for label, value in zip(family.label_names, series.labels, strict=True)]
        if family.kind == "histogram":
            _histogram(family, series, name, pairs, lines)
        else:
            lines.append(f"{name}{_braces(pairs)} {_number(series.value)}")


def _histogram(family: Family, series: Series, name: str, pairs: list[str], lines: list[str]) -> None:
    total = 0
    for bound, count in zip((*family.bounds, math.inf), series.counts, strict=True):
        total += count
        bucket = f'le="{_number(bound)}"'
        lines.append(f"{name}_bucket{_braces([*pairs, bucket])} {total}")
    lines.append(f"{name}_sum{_braces(pairs)} {_number(series.value)}")
    lines.append(f"{name}_count{_braces(pairs)} {total}")


def _braces(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
