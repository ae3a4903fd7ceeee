"""One stand for all tests of a process."""

from collections.abc import Iterator

import pytest

from contract.sdk.stand import Stand


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The gateway and its provider, running."""
    running = Stand(tmp_path_factory.mktemp("stand"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed_clients(stand: Stand) -> Iterator[None]:
    yield
    stand.clients.close()
