"""A worker's store, door and identity servers, as they open and close."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from entresol.app import control_plane
from entresol.app.control_plane import ControlPlane
from entresol.app.late_door import LateDoor
from entresol.app.opened_store import OpenedStore, open_store_of
from entresol.config import IdentitySettings, Settings, StoreSettings
from entresol.core.decision import Deny
from entresol.core.errors import ConfigError
from entresol.core.ports import Handler
from entresol.core.storage import StoreDown
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.signing_keys import DataKey, SigningKey
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import Wanted, create, revoke
from entresol.net.clock import SystemClock
from entresol.net.listener import Listener, serve
from entresol.net.server import HttpServer
from entresol.net.worker_sockets import bind_for_workers
from entresol.store.data_keys import add_data_key
from unit.identity.people import ADA


def settings(folder: Path) -> Settings:
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'store.db'}"),
        identity=IdentitySettings(issuer="http://127.0.0.1:8002"),
    )


class There:
    """A control plane, and what it hands out."""

    def __init__(self, folder: Path, *, serves: bool = False) -> None:
        self.door = LateDoor()
        self.served: list[Handler] = []
        self.pauses = 0
        self.plane = ControlPlane(
            settings(folder), SystemClock(), self.door, self._serve if serves else None, self._pause
        )

    async def _serve(self, handler: Handler) -> None:
        self.served.append(handler)

    async def _pause(self, seconds: float) -> None:
        assert seconds == 1.0
        self.pauses += 1
        await asyncio.sleep(0)

    @property
    def opened(self) -> OpenedStore:
        found = self.plane._opened
        assert found is not None
        return found

    async def key(self) -> tuple[str, str]:
        now, llm = int(SystemClock().now()), frozenset(("llm",))
        known = await self.opened.store.read(lambda records: records.get(type(ADA), ADA.id))
        if known is None:
            await self.opened.store.write(lambda records: records.insert(ADA))
        new = await self.opened.store.write(lambda records: create(records, ADA, Wanted(name="k"), "x", llm, now))
        return new.record.id, new.key

    def ask(self, key: str) -> Principal | Deny:
        found = self.door.authenticate(Presented(key.encode()))
        assert isinstance(found, Principal | Deny)
        return found


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


def test_a_key_opens_soon_after_it_was_made_and_no_more_once_it_is_revoked(tmp_path: Path) -> None:
    async def scene() -> None:
        one, two = There(tmp_path), There(tmp_path)
        await one.plane.open()
        await two.plane.open()
        key_id, key = await one.key()
        await until(lambda: all(isinstance(there.ask(key), Principal) for there in (one, two)))
        await one.opened.store.write(lambda records: revoke(records, key_id, 1))
        await until(lambda: all(isinstance(there.ask(key), Deny) for there in (one, two)))
        await one.plane.close()
        await two.plane.close()

    asyncio.run(scene())


def test_before_it_is_open_and_after_it_is_closed_nobody_comes_in(tmp_path: Path) -> None:
    async def scene() -> None:
        there = There(tmp_path)
        assert isinstance(there.ask("esk_x"), Deny)
        await there.plane.open()
        _, key = await there.key()
        await until(lambda: isinstance(there.ask(key), Principal))
        await there.plane.close()
        refused = there.ask(key)
        assert isinstance(refused, Deny)
        assert refused.code == "identity_unavailable"

    asyncio.run(scene())


def test_the_chief_serves_and_has_a_key_to_sign_with(tmp_path: Path) -> None:
    async def scene() -> None:
        chief, other = There(tmp_path, serves=True), There(tmp_path)
        await other.plane.open()
        assert await other.opened.store.read(lambda records: records.find(SigningKey)) == []
        await chief.plane.open()
        assert len(await other.opened.store.read(lambda records: records.find(SigningKey))) == 1
        [handler] = chief.served
        [sock] = bind_for_workers("127.0.0.1:0", 1)
        server = HttpServer(handler, Settings().limits, SystemClock())
        await serve(asyncio.get_running_loop(), sock, Listener(address="x"), server)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}") as client:
            metadata = (await client.get("/.well-known/oauth-authorization-server")).json()
            assert metadata["issuer"] == "http://127.0.0.1:8002"
            assert len((await client.get("/jwks")).json()["keys"]) == 1
            assert (await client.get("/sign-in")).status_code == 200
        server.begin_drain()
        await server.wait_drained(1)
        await chief.plane.close()
        await other.plane.close()

    asyncio.run(scene())


def test_a_store_that_is_down_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        there = There(tmp_path, serves=True)
        real, failures = open_store_of, [StoreDown("away"), StoreDown("away"), ZeroDivisionError()]

        async def sometimes(*values: object) -> OpenedStore:
            if failures:
                raise failures.pop(0)
            return await real(*values)  # type: ignore[arg-type]

        monkeypatch.setattr(control_plane, "open_store_of", sometimes)
        await there.plane.open()
        there.plane.every_second()
        assert there.served == []
        await until(lambda: there.door.door is not None and bool(there.served))
        assert there.pauses == 3
        await there.plane.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert "identities wait for the store: the store cannot be reached: away" in caplog.text
    assert "the store is there: identities are served" in caplog.text


def test_a_store_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        there = There(tmp_path)
        (tmp_path / "store.db.key").write_text("no key")
        (tmp_path / "store.db.key").chmod(0o600)
        with pytest.raises(ConfigError):
            await there.plane.open()
        await there.plane.close()

    asyncio.run(scene())


def test_a_new_data_key_is_taken_over_by_all(tmp_path: Path) -> None:
    async def scene() -> None:
        one, two = There(tmp_path), There(tmp_path)
        await one.plane.open()
        await two.plane.open()
        key = await add_data_key(two.opened.store, two.opened.master, two.plane._fetcher)
        await until(lambda: key in repr(one.opened._sealer.envelope))
        assert len(await one.opened.store.read(lambda records: records.find(DataKey))) == 2
        await one.plane.close()
        await two.plane.close()

    asyncio.run(scene())


def test_when_keys_were_used_is_written_down_at_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        there = There(tmp_path)
        await there.plane.open()
        key_id, key = await there.key()
        await until(lambda: isinstance(there.ask(key), Principal))
        there.plane.every_second()
        await there.plane.close()
        again = There(tmp_path)
        await again.plane.open()

        known = await again.opened.store.read(lambda records: records.need(VirtualKey, key_id))
        assert known.last_used_at is not None
        await again.plane.close()

    asyncio.run(scene())
