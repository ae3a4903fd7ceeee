"""What a store needs from time to time, done by the node: uses of keys written down, signing keys changed in time,
clients that nobody used and records that have ended taken out."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from entresol.core.storage import Store, StoreDown
from entresol.identity.oauth.cli_client import keep_cli_client
from entresol.identity.oauth.registration import sweep_unused
from entresol.identity.oauth.settings import OAuthSettings
from entresol.identity.oauth.signing_keys import rotate_when_due
from entresol.identity.oauth.token_settings import TokenSettings
from entresol.identity.sweeping import sweep_ended
from entresol.identity.virtual_keys import note_use

logger = logging.getLogger("entresol.identity")

USES_S: Final = 60
"""Between two writings of when keys were used."""
HOUSEKEEPING_S: Final = 3_600


class Upkeep:
    """Of one worker. The chief does what is to be done once a node; on several nodes it is done several times, which
    does no harm."""

    def __init__(
        self,
        store: Store,
        take_uses: Callable[[], list[tuple[str, int]]],
        now: Callable[[], int],
        oauth: OAuthSettings,
        *,
        is_chief: bool,
    ) -> None:
        self._store = store
        self._take_uses = take_uses
        self._now = now
        self._oauth = oauth
        self._is_chief = is_chief
        self._tokens = TokenSettings()
        self._uses_at = now() + USES_S
        self._housekeeping_at = 0
        self._is_running = False

    async def begin(self) -> None:
        """Have a key to sign with before anybody asks. Raises StoreDown."""
        if self._is_chief:
            await self._keep_house()

    def is_due(self) -> bool:
        """Whether `run` has something to do."""
        now = self._now()
        return not self._is_running and (now >= self._uses_at or (self._is_chief and now >= self._housekeeping_at))

    async def run(self) -> None:
        """Do what is due. With the store down it is due again a little later."""
        self._is_running = True
        try:
            if self._now() >= self._uses_at:
                await self.note_uses()
            if self._is_chief and self._now() >= self._housekeeping_at:
                await self._keep_house()
        except StoreDown as down:
            self._housekeeping_at = self._now() + USES_S
            logger.error("upkeep of the store has to wait: %s", down.message)
        finally:
            self._is_running = False

    async def note_uses(self) -> None:
        """Write down when keys were used. What cannot be written is lost: it is said to the minute only anyway."""
        self._uses_at = self._now() + USES_S
        used = self._take_uses()
        if used:
            try:
                await self._store.write(lambda records: note_use(records, used))
            except StoreDown as down:
                logger.error("when %d keys were used is not written down: %s", len(used), down.message)

    async def _keep_house(self) -> None:
        now = self._now()
        await self._store.write(keep_cli_client)
        await self._store.write(partial(rotate_when_due, settings=self._tokens, now=now))
        await self._store.write(partial(sweep_unused, settings=self._oauth, now=now))
        await sweep_ended(self._store, now)
        self._housekeeping_at = now + HOUSEKEEPING_S
