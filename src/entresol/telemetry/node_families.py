"""What a node says of itself at every scrape, whatever plugins are configured: Kong's node families.

They hold for the node, not for a worker, so they are added after the workers' snapshots were summed.
"""

import socket
from typing import Final
from uuid import UUID, uuid5

from entresol import __version__
from entresol.telemetry.metrics import Family, Series, Snapshot

_NODES: Final = UUID("b2ba85d0-1208-58ec-b52a-47173438295a")
"""Namespace of the ids: other software that makes UUIDs of host names makes others."""


def node_families(host: str | None = None) -> Snapshot:
    """By name. `host` is that of this machine; all workers on it say the same, also after a restart."""
    node_id = str(uuid5(_NODES, socket.gethostname() if host is None else host))
    return [
        Family(
            "entresol_datastore_reachable",
            "1: the configuration can be had. Without a database it is in memory, so always.",
            "gauge",
            (),
            (),
            [Series((), 1.0)],
        ),
        Family(
            "entresol_node_info",
            "The node's id and the version it runs; always 1.",
            "gauge",
            ("node_id", "version"),
            (),
            [Series((node_id, __version__), 1.0)],
        ),
    ]
