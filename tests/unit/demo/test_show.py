import socket
import subprocess
import sys
from pathlib import Path

import pytest

from entresol.app.configuration import check_configuration
from entresol.config import ConfigurationSettings, Settings
from entresol.demo.calls import CALLS
from entresol.demo.show import PROVIDER_URL
from entresol.supervisor.loader import Document

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", ["demo.yaml", "quickstart.yaml"])
def test_the_examples_can_be_served_without_any_variable(name: str) -> None:
    settings = Settings(configuration=ConfigurationSettings(file=str(EXAMPLES / name)))
    assert isinstance(check_configuration(settings, {}), Document)


def test_the_packaged_file_is_the_example_and_names_the_provider() -> None:
    text = (EXAMPLES / "demo.yaml").read_text()
    assert text.count(PROVIDER_URL) >= 4
    packaged = EXAMPLES.parent / "src" / "entresol" / "demo" / "demo.yaml"
    assert packaged.read_text() == text


def test_every_call_succeeds_and_is_shown_with_tokens_cost_and_latency() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entresol", "demo", "--once"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for call in CALLS:
        block = done.stdout.split(f"ok  {call.title}\n")[1].split("\n\n")[0]
        assert "answer  You said" in block
        assert "tokens  18 in, 19 out" in block
        assert "cost    $0.0000" in block
        assert " ms, first byte after " in block
    assert done.stdout.count("  curl ") == 3


def test_a_port_that_was_asked_for_and_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "entresol", "demo", "--once", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"entresol: cannot listen on 127.0.0.1:{port}: Address already in use\n"
