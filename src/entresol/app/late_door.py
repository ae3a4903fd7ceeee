"""The door before it is open: plugins are built first, the store is asked later. Until then nobody comes in."""

from collections.abc import Awaitable
from typing import Final

from entresol.api_floor.plugin_context import Door
from entresol.core.decision import Deny
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal


class LateDoor:
    """Passes on to a door that is put in later (`api_floor.plugin_context.Door`)."""

    def __init__(self) -> None:
        self.door: Door | None = None

    def authenticate(self, presented: Presented) -> "Principal | Deny | Awaitable[Principal | Deny]":
        """As the door says; 503 `identity_unavailable` while there is none."""
        return _CLOSED if self.door is None else self.door.authenticate(presented)


_CLOSED: Final = Deny(503, "identity_unavailable", "who is asking cannot be found out yet", ((b"retry-after", b"1"),))
