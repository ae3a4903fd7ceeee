"""One stand for all clients of this folder."""

from collections.abc import Iterator

import pytest

from contract.oauth.stand import Stand


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("oauth")) as running:
        yield running
