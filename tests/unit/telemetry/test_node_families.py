import socket
from uuid import UUID

import pytest

from entresol import __version__
from entresol.telemetry.node_families import node_families
from entresol.telemetry.prometheus_text import render


def test_a_node_says_who_it_is_and_that_it_has_its_configuration() -> None:
    lines = render(node_families("gw-1")).decode().splitlines()
    node_id = UUID(node_families("gw-1")[1].series[0].labels[0])
    for brand in ("entresol", "kong"):
        assert f'{brand}_node_info{{node_id="{node_id}",version="{__version__}"}} 1' in lines
        assert f"{brand}_datastore_reachable 1" in lines


def test_each_host_has_its_own_id_and_keeps_it() -> None:
    assert node_families("gw-1") == node_families("gw-1")
    assert node_families("gw-1") != node_families("gw-2")


def test_the_host_is_this_one_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "gw-1")
    assert node_families() == node_families("gw-1")
