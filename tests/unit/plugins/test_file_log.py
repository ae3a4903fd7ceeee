from entresol.plugins.file_log import FileLog
from playbooks.harness import Gateway


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
