"""Who is asking, as plugins tell each other."""

from entresol.api_floor.identity_slots import PRINCIPAL
from entresol.core.slots import Slots
from entresol.identity.principal import Principal


def test_nobody_is_there_until_somebody_was_authenticated() -> None:
    slots = Slots()
    assert slots.get(PRINCIPAL) is None
    slots[PRINCIPAL] = ada = Principal(tenant="o", issuer="i", subject="ada", kind="user")
    assert slots[PRINCIPAL] is ada
