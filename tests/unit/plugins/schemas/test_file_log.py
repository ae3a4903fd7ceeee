from typing import Any

import pytest

from entresol.plugins.file_log import FileLog
from playbooks.harness import Gateway, violations_of

NO_LUA = "not supported: there is no Lua to run"


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({}, "path", "required field missing"),
        ({"path": "a*b"}, "path", "not a valid filename"),
        ({"path": ""}, "path", "length must be at least 1"),
        (
            {"path": "/x", "custom_fields_by_lua": {"a": "return 1"}},
            "custom_fields_by_lua",
            NO_LUA,
        ),
        ({"path": "/x", "reopen": 1}, "reopen", "expected a boolean"),
    ],
)
def test_a_bad_configuration_is_refused(config: dict[str, Any], path: str, message: str) -> None:
    assert violations_of(FileLog, config) == {path: message}


def test_unset_fields_of_kong_load() -> None:
    values: tuple[Any, ...] = (None, {})
    for unset in values:
        gate = Gateway((FileLog, {"path": "/dev/stdout", "reopen": False, "custom_fields_by_lua": unset}))
        assert gate.call().status == 200
