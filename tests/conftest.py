"""Options of the whole suite."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

import entresol

SOURCES = Path(__file__).resolve().parents[1] / "src" / "entresol"

# A shared machine is slow at times: what a property says is its failure, not how long it took.
settings.register_profile("entresol", deadline=None)
settings.load_profile("entresol")


def pytest_sessionstart() -> None:
    """Tests of an older version than the sources show would prove nothing."""
    installed = Path(entresol.__file__).parent
    if installed.is_relative_to(sys.prefix) and _python_files(installed) != _python_files(SOURCES):
        pytest.exit("the installed entresol differs from src: run `make test`, or set PYTHONPATH=src", returncode=4)


def _python_files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-update", action="store_true", help="write golden files anew instead of comparing; review the diff"
    )


@pytest.fixture
def golden_update(request: pytest.FixtureRequest) -> bool:
    """True when golden files are to be written."""
    return bool(request.config.getoption("--golden-update"))
