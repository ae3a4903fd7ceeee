"""What workers and their supervisor tell each other. Arrays on the wire, so names cost nothing."""

import msgspec


class _Message(msgspec.Struct, frozen=True, array_like=True):
    """Base: equal by value, decoded by its tag."""


# Counters: see `lease_book` for what they mean.


class WindowAsk(msgspec.Struct, frozen=True, array_like=True):
    """What a worker wants of one window of a key."""

    name: str
    start: int
    length_s: int
    limit: int
    need: int
    """Refuse the whole ask if this much cannot be had; 0 when the worker has enough left of this window."""
    want: int
    """Would be used at once."""


class Ask(_Message, frozen=True, tag="ask"):
    """Worker: a lease on every window of `key`, or on none."""

    number: int
    key: str
    windows: tuple[WindowAsk, ...]


class Share(msgspec.Struct, frozen=True, array_like=True):
    """What a worker gets of one window."""

    start: int
    amount: int
    others: int
    """What is left of the limit besides all that this worker may still spend."""
    is_spent: bool
    """Nothing can become free in this window any more, for anybody."""


class Grant(_Message, frozen=True, tag="grant"):
    """Supervisor: the answer to an ask; the shares stand in the order of its windows."""

    number: int
    allowed: bool
    shares: tuple[Share, ...]


class Recall(_Message, frozen=True, tag="recall"):
    """Supervisor: give back what is unspent; somebody else would be refused without it."""

    key: str
    window: str
    start: int


class GiveBack(_Message, frozen=True, tag="back"):
    """Worker: what was leased and is not needed."""

    key: str
    window: str
    start: int
    amount: int
    answers_recall: bool = False


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """What is unspent of one lease."""

    key: str
    window: str
    start: int
    unspent: int


class Report(_Message, frozen=True, tag="report"):
    """Worker, about once a second: the leases it has spent from since the last report."""

    holdings: tuple[Holding, ...]


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """What is left of one window besides what the worker itself may still spend."""

    key: str
    window: str
    start: int
    others: int


class Standings(_Message, frozen=True, tag="left"):
    """Supervisor: the answer to a report."""

    standings: tuple[Standing, ...]


# Metrics: see `metric_board`.


class Snapshot(_Message, frozen=True, tag="snap"):
    """Worker: all its metrics. `number` is that of the `Collect` it answers, 0 when nobody asked."""

    number: int
    data: bytes


class Scrape(_Message, frozen=True, tag="scrape"):
    """Worker: somebody wants the metrics of the whole node."""

    number: int


class Collect(_Message, frozen=True, tag="collect"):
    """Supervisor: send a snapshot."""

    number: int


class Scraped(_Message, frozen=True, tag="scraped"):
    """Supervisor: the snapshots of all workers that live or have lived."""

    number: int
    parts: tuple[bytes, ...]


# Configuration and life.


class Ready(_Message, frozen=True, tag="ready"):
    """Worker: takes requests, with the configuration of this version."""

    version: str


class Prepare(_Message, frozen=True, tag="prepare"):
    """Supervisor: compile this configuration and keep it ready."""

    version: str
    document: bytes


class Prepared(_Message, frozen=True, tag="prepared"):
    """Worker: done. With an `error` nothing is kept."""

    version: str
    error: str | None = None


class Commit(_Message, frozen=True, tag="commit"):
    """Supervisor: every worker is prepared; requests from now on use the new configuration."""

    version: str


class Discard(_Message, frozen=True, tag="discard"):
    """Supervisor: some worker could not; forget it."""

    version: str


class Drain(_Message, frozen=True, tag="drain"):
    """Supervisor: take no more connections, finish what is under way, exit."""


class WorkerState(msgspec.Struct, frozen=True):
    """One worker as the status page shows it."""

    index: int
    pid: int
    state: str
    """`starting`, `ready`, `draining` or `down`."""
    restarts: int


class NodeState(_Message, frozen=True, tag="node"):
    """Supervisor, whenever it changes: what every worker's status page shows."""

    workers: tuple[WorkerState, ...]
    configuration: "ConfigurationState"


class ConfigurationState(msgspec.Struct, frozen=True, kw_only=True):
    """Which configuration is served, and how the last attempt to change it went."""

    version: str
    loaded_at: float
    """Seconds since the epoch."""
    reloads: int = 0
    last_reload_error: str | None = None
    """Why the file as it is now is not served; None when it is."""
    last_reload_failed_at: float | None = None


FromWorker = Ask | GiveBack | Report | Snapshot | Scrape | Ready | Prepared
FromSupervisor = Grant | Recall | Standings | Collect | Scraped | Prepare | Commit | Discard | Drain | NodeState
