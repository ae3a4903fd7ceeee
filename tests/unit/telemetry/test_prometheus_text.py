import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from entresol.telemetry.metrics import WorkerMetrics
from entresol.telemetry.prometheus_text import KONG_NAMES, render


def parsed(body: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus' own parser reads."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_the_text_is_exactly_this() -> None:
    metrics = WorkerMetrics()
    metrics.counter("requests_total", "Requests, \\ and\nmore.", ("route", "code"), ('a"b\\c\nd', "200")).value += 3
    metrics.gauge("open", "Open.", (), ()).value = 1.5
    histogram = metrics.histogram("wait_ms", "Wait.", ("route",), ("r",), (1.0, 2.5))
    histogram.observe(1)
    histogram.observe(9)
    assert render(metrics.snapshot()).decode() == (
        "# HELP open Open.\n"
        "# TYPE open gauge\n"
        "open 1.5\n"
        "# HELP requests_total Requests, \\\\ and\\nmore.\n"
        "# TYPE requests_total counter\n"
        'requests_total{route="a\\"b\\\\c\\nd",code="200"} 3\n'
        "# HELP wait_ms Wait.\n"
        "# TYPE wait_ms histogram\n"
        'wait_ms_bucket{route="r",le="1"} 1\n'
        'wait_ms_bucket{route="r",le="2.5"} 1\n'
        'wait_ms_bucket{route="r",le="+Inf"} 2\n'
        'wait_ms_sum{route="r"} 10\n'
        'wait_ms_count{route="r"} 2\n'
    )


def test_nothing_counted_is_an_empty_body() -> None:
    assert render(WorkerMetrics().snapshot()) == b""


def test_kongs_names_stand_beside_ours_and_can_be_left_out() -> None:
    metrics = WorkerMetrics()
    for name in KONG_NAMES:
        metrics.gauge(name, "h", (), ()).value += 4
    with_kong = parsed(render(metrics.snapshot()))
    assert {with_kong[(name, ())] for pair in KONG_NAMES.items() for name in pair} == {4.0}
    without = parsed(render(metrics.snapshot(), kong_names=False))
    assert {name for name, _ in without} == set(KONG_NAMES)


# What a bytes-to-text decoding can yield: no surrogates; the parser splits lines at more than `\n`.
LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


def test_kong_knows_two_sources_of_answers() -> None:
    metrics = WorkerMetrics()
    for source, number in (("service", 1), ("exit", 2), ("error", 4)):
        metrics.counter("entresol_http_requests_total", "R.", ("source", "code"), (source, "500")).value += number
    samples = {
        (name, dict(labels)["source"]): value for (name, labels), value in parsed(render(metrics.snapshot())).items()
    }
    assert samples == {
        ("entresol_http_requests_total", "service"): 1,
        ("entresol_http_requests_total", "exit"): 2,
        ("entresol_http_requests_total", "error"): 4,
        ("kong_http_requests_total", "service"): 1,
        ("kong_http_requests_total", "kong"): 6,
    }


@given(LABEL, st.floats(allow_nan=False))
def test_the_real_parser_reads_back_any_label_and_number(label: str, number: float) -> None:
    metrics = WorkerMetrics()
    metrics.gauge("g", "h", ("a",), (label,)).value = number
    assert parsed(render(metrics.snapshot())) == {("g", (("a", label),)): number}


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinities_have_their_names(number: float) -> None:
    metrics = WorkerMetrics()
    metrics.gauge("g", "h", (), ()).value = number
    assert parsed(render(metrics.snapshot())) == {("g", ()): number}


def test_not_a_number_has_its_name() -> None:
    metrics = WorkerMetrics()
    metrics.gauge("g", "h", (), ()).value = math.nan
    assert math.isnan(parsed(render(metrics.snapshot()))[("g", ())])
