"""Who is asking, as plugins tell each other and the log."""

from typing import Final

from entresol.core.slots import Slot
from entresol.identity.principal import Principal

PRINCIPAL: Final[Slot[Principal]] = Slot("identity.principal")
"""Whoever was authenticated."""
