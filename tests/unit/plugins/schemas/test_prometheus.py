from typing import Any

import pytest

from entresol.plugins.prometheus import Prometheus
from playbooks.harness import Gateway, violations_of


def test_every_field_of_kong_switched_off_loads() -> None:
    flags = ["ai", "bandwidth", "latency", "status_code", "upstream_health", "wasm"]
    gate = Gateway((Prometheus, {"per_consumer": False, **{f"{flag}_metrics": False for flag in flags}}))
    assert gate.call().status == 200


def test_health_of_upstreams_may_be_asked_for_although_there_is_none_to_show() -> None:
    assert Gateway((Prometheus, {"upstream_health_metrics": True})).call().status == 200


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({"wasm_metrics": True}, "wasm_metrics", "not supported: there are no WebAssembly filters"),
        ({"ai_metrics": "on"}, "ai_metrics", "expected a boolean"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(Prometheus, config)[path].startswith(message)
