"""The door before it is open."""

from entresol.app.late_door import LateDoor
from entresol.core.decision import Deny
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal

ADA = Principal(tenant="o", issuer="i", subject="ada", kind="user")


class Open:
    """Lets everybody in as Ada."""

    def authenticate(self, presented: Presented) -> Principal:
        return ADA


def test_nobody_comes_in_before_it_is_open() -> None:
    found = LateDoor().authenticate(Presented(b"x"))
    assert isinstance(found, Deny)
    assert (found.status, found.code) == (503, "identity_unavailable")


def test_then_the_door_decides() -> None:
    late = LateDoor()
    late.door = Open()
    assert late.authenticate(Presented(b"x")) is ADA
