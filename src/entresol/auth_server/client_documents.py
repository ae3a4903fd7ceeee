"""Metadata documents of clients, read when they are needed: one fetch at a time for a client, failures remembered."""

import asyncio
import logging
from typing import Final

from entresol.auth_server.context import AuthServer
from entresol.core.errors import GatewayError, UpstreamError
from entresol.core.storage import StoreDown
from entresol.identity.oauth import cimd
from entresol.identity.oauth.authorize import PageError
from entresol.identity.records.oauth_clients import OAuthClient

FAILURE_S: Final = 60
MAX_FAILURES: Final = 1024
MAX_FETCHES: Final = 16
_LOG: Final = logging.getLogger(__name__)


class ClientDocuments:
    """What is known of metadata clients is in the store; here is only what is under way and what has just failed."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, tuple[int, GatewayError]] = {}

    async def load(self, client_id: str, address: str) -> None:
        """Make sure that the store knows the client, if its client_id is a metadata document's URL.

        `address`: who asks; nobody makes us call other servers without end. Raises PageError when the client cannot
        be let in.
        """
        if not cimd.is_document_url(client_id):
            return
        known = await self._server.store.read(lambda records: records.get(OAuthClient, client_id))
        if known is not None and known.source != "metadata":
            return
        if cimd.trust_of(self._server.settings, client_id) == "deny":
            raise PageError("invalid_client", "clients of this domain are not let in here")
        if known is not None and cimd.is_fresh(known, self._server.clock()):
            return
        try:
            await self._fetch_once(client_id, address)
        except UpstreamError as error:
            if known is None or not cimd.may_be_stale(known, self._server.clock()):
                raise PageError("invalid_client", f"the client's metadata cannot be read: {error.message}") from error
        except GatewayError as error:
            raise PageError(error.code, error.message, status=error.status, headers=error.headers) from error

    async def _fetch_once(self, client_id: str, address: str) -> None:
        failed = self._failures.get(client_id)
        if failed is not None and self._server.clock() < failed[0]:
            raise failed[1]
        task = self._under_way.get(client_id)
        if task is None:
            await self._admit(address)
            task = self._under_way.get(client_id)  # somebody else may have begun meanwhile
        if task is None:
            if len(self._under_way) >= MAX_FETCHES:
                raise PageError(
                    "temporarily_unavailable", "too many clients are being looked up: try again", status=503
                )
            task = asyncio.create_task(self._fetch(client_id))
            self._under_way[client_id] = task
            task.add_done_callback(lambda done: self._ended(client_id, done))
        await asyncio.shield(task)  # a browser that goes away does not take the others' answer along

    async def _admit(self, address: str) -> None:
        server = self._server
        limit = server.settings.documents_per_minute
        wait = await server.attempts.admit(f"client-document:{address}", limit, 60, server.clock())
        if wait:
            raise PageError(
                "temporarily_unavailable",
                f"too many clients were looked up from this address: try again in {wait} s",
                status=429,
                headers=((b"retry-after", str(wait).encode()),),
            )

    async def _fetch(self, client_id: str) -> None:
        now = self._server.clock()
        try:
            client = await self._server.run(cimd.fetch_client(client_id, self._server.settings, now))
            await self._server.store.write(lambda records: cimd.keep_client(records, self._server.settings, client))
        except GatewayError as error:
            _LOG.info("metadata of client %s not taken: %s", client_id, error)
            if not isinstance(error, StoreDown):
                self._remember(client_id, now, error)
            raise

    def _ended(self, client_id: str, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(client_id, None)
        if not task.cancelled():
            task.exception()  # those who waited for it may have gone

    def _remember(self, client_id: str, now: int, error: GatewayError) -> None:
        while len(self._failures) >= MAX_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[client_id] = (now + FAILURE_S, error)
