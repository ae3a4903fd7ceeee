"""The example plugin, installed as a package as its users would, and found by its entry point."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from entresol.api_floor.registry import PluginRegistry
from playbooks.harness import START, Gateway, violations_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "third-party-plugin"
CONFIG = {"deprecated_at": int(START) - 10, "ends_at": int(START) + 10, "link": "https://example.com/why"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in it; nothing is fetched from anywhere."""
    target = tmp_path_factory.mktemp("site")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), str(EXAMPLE)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


@pytest.fixture
def plugin(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(site)
    found = PluginRegistry.installed().find("sunset")
    assert found is not None
    assert Path(str(sys.modules[found.__module__].__file__)).is_relative_to(site)
    yield found
    del sys.modules["entresol_sunset"]


def test_it_is_found_beside_our_own_plugins(plugin: Any) -> None:
    names = PluginRegistry.installed().names()
    assert {"sunset", "key-auth"} <= set(names)
    (point,) = importlib.metadata.entry_points(group="entresol.plugins", name="sunset")
    assert point.dist is not None
    assert point.dist.name == "entresol-sunset"


def test_it_announces_the_end_and_keeps_it(plugin: Any) -> None:
    gate = Gateway((plugin, CONFIG))
    before = gate.call()
    ends = datetime.fromtimestamp(START + 10, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert (before.status, before.header("sunset")) == (200, ends)
    assert before.header("deprecation") == f"@{int(START) - 10}"
    assert before.header("link") == '<https://example.com/why>; rel="sunset"'
    gate.clock.time += 10
    after = gate.call()
    assert (after.status, after.header("x-entresol-error"), after.sent) == (410, "api_sunset", None)
    assert after.json["message"] == f"This API ended on {ends}"
    assert after.header("sunset") == ends


def test_its_configuration_is_checked_like_any_other(plugin: Any) -> None:
    assert violations_of(plugin, {"ends_at": "soon", "links": "x"}) == {
        "deprecated_at": "required field missing",
        "ends_at": "expected an integer",
        "links": "unknown field",
    }
    assert violations_of(plugin, {"deprecated_at": 2, "ends_at": 1}) == {
        "ends_at": "must not come before 'deprecated_at'"
    }


def test_its_example_file_is_good_where_it_is_installed_and_says_so_where_it_is_not(site: Path) -> None:
    command = [sys.executable, "-m", "entresol", "check", str(EXAMPLE / "entresol.yaml")]
    installed = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)})
    assert installed.returncode == 0, installed.stderr
    missing = subprocess.run(command, capture_output=True, text=True)
    assert missing.returncode == 1
    assert "plugin 'sunset' not enabled" in missing.stderr
