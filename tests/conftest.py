"""Options of the whole suite."""

import pytest
from hypothesis import settings

# A shared machine is slow at times: what a property says is its failure, not how long it took.
settings.register_profile("entresol", deadline=None)
settings.load_profile("entresol")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-update", action="store_true", help="write golden files anew instead of comparing; review the diff"
    )


@pytest.fixture
def golden_update(request: pytest.FixtureRequest) -> bool:
    """True when golden files are to be written."""
    return bool(request.config.getoption("--golden-update"))
