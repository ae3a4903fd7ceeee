"""What the store says when it cannot do what is asked."""

import pytest

from entresol.core.errors import GatewayError
from entresol.core.storage import AlreadyExists, NotFound, RevisionConflict, StoreDown


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (NotFound("teams", "t1"), "not_found", 404),
        (AlreadyExists("teams", ("organisation", "name")), "already_exists", 409),
        (RevisionConflict("teams", "t1"), "revision_conflict", 412),
        (StoreDown("connection refused"), "store_unavailable", 503),
    ],
)
def test_each_failure_has_its_code_and_status(error: GatewayError, code: str, status: int) -> None:
    assert (error.code, error.status) == (code, status)


def test_a_duplicate_names_the_fields_that_must_differ() -> None:
    assert "organisation and name" in AlreadyExists("teams", ("organisation", "name")).message
