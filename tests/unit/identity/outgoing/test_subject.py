"""The token that stands for the caller."""

import pytest
from msgspec.structs import replace

from entresol.core.errors import ClientError, ConfigError
from entresol.identity.outgoing.subject import subject_token
from unit.identity.outgoing.asking import CALLER, upstream


def test_it_is_the_one_that_the_caller_came_with() -> None:
    assert subject_token(upstream(), CALLER) == "subject.token.ada"


def test_a_caller_with_a_virtual_key_has_none() -> None:
    with pytest.raises(ClientError, match="a virtual key does not do") as failed:
        subject_token(upstream(), replace(CALLER, subject_token=""))
    assert (failed.value.code, failed.value.status) == ("no_subject_token", 403)


def test_delegation_needs_somebody_who_acts() -> None:
    with pytest.raises(ConfigError, match="without an actor"):
        subject_token(upstream(delegates=True), CALLER)
