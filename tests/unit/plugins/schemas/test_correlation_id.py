from typing import Any

import pytest

from entresol.plugins.correlation_id import CorrelationId
from playbooks.harness import violations_of


@pytest.mark.parametrize(
    ("config", "path"),
    [({"generator": "random"}, "generator"), ({"header_name": "a b"}, "header_name"), ({"echo": True}, "echo")],
)
def test_a_bad_configuration_is_refused(config: dict[str, Any], path: str) -> None:
    assert list(violations_of(CorrelationId, config)) == [path]
