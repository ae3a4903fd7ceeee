from typing import Any

import pytest

from entresol.plugins.file_log import FileLog
from playbooks.harness import Gateway, violations_of

NO_LUA = "not supported: there is no Lua to run"


def test_each_request_is_one_line() -> None:
    gate = Gateway((FileLog, {"path": "/var/log/gateway.log", "reopen": True}))
    gate.call("POST", "/a\nb", [(b"x", b"\n\r")], b"body")
    gate.has_route = False
    gate.call("GET", "/nowhere")
    assert [(path, reopen) for path, _, reopen in gate.lines.lines] == [("/var/log/gateway.log", True)] * 2
    assert all(b"\n" not in line and b"\r" not in line for _, line, _ in gate.lines.lines)
    assert [(record["request"]["uri"], record["response"]["status"]) for record in gate.records()] == [
        ("/a\nb", 200),
        ("/nowhere", 404),
    ]


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
