import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.telemetry.metrics import OVERFLOW, Family, Series, Snapshot, WorkerMetrics, merge


def value(snapshot: Snapshot, name: str, *labels: str) -> float:
    (family,) = (family for family in snapshot if family.name == name)
    (series,) = (series for series in family.series if series.labels == labels)
    return series.value


def test_the_same_name_and_labels_give_the_same_cell() -> None:
    metrics = WorkerMetrics()
    first = metrics.counter("n", "h", ("a",), ("1",))
    first.value += 2
    assert metrics.counter("n", "h", ("a",), ("1",)) is first
    assert metrics.counter("n", "h", ("a",), ("2",)) is not first
    assert value(metrics.snapshot(), "n", "1") == 2


@pytest.mark.parametrize(
    "again",
    [
        lambda metrics: metrics.counter("n", "h", ("b",), ("1",)),
        lambda metrics: metrics.gauge("n", "h", ("a",), ("1",)),
        lambda metrics: metrics.counter("n", "h", ("a",), ("1", "2")),
        lambda metrics: metrics.histogram("d", "h", ("a",), ("1",), (1.0, 3.0)),
    ],
)
def test_a_name_cannot_mean_two_things(again: object) -> None:
    metrics = WorkerMetrics()
    metrics.counter("n", "h", ("a",), ("1",))
    metrics.histogram("d", "h", ("a",), ("1",), (1.0, 2.0))
    with pytest.raises(ValueError):
        again(metrics)  # type: ignore[operator]


def test_a_value_on_a_bound_belongs_to_that_bucket() -> None:
    metrics = WorkerMetrics()
    histogram = metrics.histogram("d", "h", (), (), (1.0, 2.0))
    for observed in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(observed)
    (family,) = metrics.snapshot()
    assert family.series == [Series((), 7.5, [2, 2, 1])]


def test_too_many_label_combinations_share_one_series() -> None:
    metrics = WorkerMetrics(max_series=3)
    for index in range(10):
        metrics.counter("n", "h", ("who",), (str(index),)).value += 1
    (family,) = metrics.snapshot()
    assert {series.labels[0]: series.value for series in family.series} == {"0": 1, "1": 1, "2": 1, OVERFLOW: 7}


def test_a_snapshot_does_not_change_afterwards() -> None:
    metrics = WorkerMetrics()
    histogram = metrics.histogram("d", "h", (), (), (1.0,))
    before = metrics.snapshot()
    histogram.observe(0.5)
    assert before[0].series[0].counts == [0, 0]


def test_a_snapshot_survives_the_wire() -> None:
    metrics = WorkerMetrics()
    metrics.gauge("g", "h", ("a",), ("x",)).value = 3
    metrics.histogram("d", "h", (), (), (1.0,)).observe(5)
    snapshot = metrics.snapshot()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot) == snapshot
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot


def test_families_that_disagree_are_not_mixed() -> None:
    old = Family("n", "h", "counter", ("a",), (), [Series(("x",), 1)])
    new = Family("n", "h", "counter", ("a", "b"), (), [Series(("x", "y"), 5)])
    assert merge([[old], [new]]) == [old]


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20), max_size=4))
def test_merged_workers_equal_one_worker_that_saw_everything(workers: list[list[tuple[str, int]]]) -> None:
    one = WorkerMetrics()
    snapshots = []
    for events in workers:
        worker = WorkerMetrics()
        for label, amount in events:
            for metrics in (worker, one):
                metrics.counter("n", "h", ("l",), (label,)).value += amount
                metrics.histogram("d", "h", ("l",), (label,), (3.0, 6.0)).observe(amount)
        snapshots.append(worker.snapshot())

    def ordered(snapshot: Snapshot) -> list[tuple[str, list[Series]]]:
        return [(family.name, sorted(family.series, key=lambda series: series.labels)) for family in snapshot]

    assert ordered(merge(snapshots)) == ordered(one.snapshot())
