"""A door with a real fetcher, for tokens of real issuers."""

import asyncio
import time

from entresol.identity.issuer_trust import TrustedIssuers
from entresol.identity.jwks import KeyCaches
from entresol.identity.jwt_results import NeedGroups, NeedKeys, Outcome
from entresol.identity.jwt_verification import Verifier
from entresol.identity.records.issuers import Issuer
from entresol.net.fetcher import Fetcher
from unit.net.scripted_upstream import ManualClock


def verifier_of(*records: Issuer) -> Verifier:
    """Its issuers have no faults."""
    trusted = TrustedIssuers(records, KeyCaches())
    assert not trusted.faults
    return Verifier(trusted)


class Door:
    """Runs what the verifier needs, one fetch at a time, as every door does."""

    def __init__(self, subject: Verifier, fetcher: Fetcher) -> None:
        self.subject = subject
        self.fetcher = fetcher
        self.under_way: dict[str, asyncio.Task[None]] = {}

    async def check(self, token: bytes) -> Outcome:
        """The final answer."""
        for _ in range(3):
            outcome = self.subject.check(token, int(time.time()))
            if not isinstance(outcome, NeedKeys | NeedGroups):
                return outcome
            task = self.under_way.get(outcome.key)
            if task is None or task.done():
                task = asyncio.ensure_future(self.fetcher.run(outcome.start()))
                self.under_way[outcome.key] = task
            await asyncio.shield(task)
        return outcome


async def outcomes(subject: Verifier, *tokens: bytes) -> list[Outcome]:
    """What they come to, all sent at once."""
    fetcher = Fetcher(ManualClock())
    try:
        door = Door(subject, fetcher)
        return list(await asyncio.gather(*(door.check(token) for token in tokens)))
    finally:
        fetcher.close()
