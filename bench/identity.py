"""The figures of identity: what it costs to know who asks, and that nobody gets in who should not.

In-process times are process CPU through the whole of identity-auth's access phase, the least of many rounds.
"""

import asyncio
import gc
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from joserfc import jwk, jwt

from bench.figure import Figure
from bench.formats import failures
from bench.rig import ROOT
from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.plan import Plan
from entresol.api_floor.registry import PluginRegistry
from entresol.app.identity_door import IdentityDoor
from entresol.app.life import YOUNG_OBJECTS
from entresol.core.http import Connection, Headers, RequestHead
from entresol.core.storage import Records
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import User
from entresol.identity.records.issuers import Issuer
from entresol.identity.records.virtual_keys import VirtualKey
from entresol.identity.virtual_keys import Wanted, create, revoke
from entresol.net.clock import SystemClock
from entresol.net.fetcher import Fetcher
from entresol.store import declarative
from entresol.store.counters import LocalCounters
from entresol.store.envelope import Envelope
from entresol.store.sql.migrate import migrate
from entresol.store.sql.sqlite import SqliteStore
from entresol.telemetry.metrics import WorkerMetrics

KEY_US, TOKEN_US, TIMES_JOSERFC, SWAP_MS = 15, 20, 1.3, 300
STALL_MS = 50
"""Longer than this no request may wait while a plan is swapped."""
KEYS = 10_000
OURS, THEIRS, MODELS = "http://127.0.0.1:8002", "https://idp.example", "http://127.0.0.1:8000"
ADA = User(id="u-ada", organisation="org", username="ada")
SUITES = (
    ("attacks", "tests/security"),
    ("identity providers of others", "tests/contract/identity"),
    ("clients of others, conformance of the authorization server", "tests/contract/oauth"),
    ("stores", "tests/contract/store"),
    ("a SCIM client of others", "tests/contract/scim"),
    ("the Admin API on every store", "tests/contract/admin"),
    ("shared state", "tests/contract/shared_state"),
    ("a browser", "tests/browser"),
)
CONFIGURATION = """
_format_version: "3.0"
services:
- name: models
  url: http://127.0.0.1:19002
  routes:
  - name: models
    paths: [/v1]
    plugins: [{name: identity-auth}]
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        key_us, token_us, ratio, swap_ms, stall_ms = asyncio.run(_measured(Path(folder)))
    yield Figure("CPU to authenticate by a virtual key", key_us, "<=", KEY_US, "µs")
    yield Figure("CPU to authenticate by a JWT seen before", token_us, "<=", TOKEN_US, "µs")
    yield Figure("CPU of a first ES256 token ÷ joserfc's own", ratio, "<=", TIMES_JOSERFC)
    yield Figure(f"a change is taken over, {KEYS:,} keys", swap_ms, "<=", SWAP_MS, "ms")
    yield Figure("longest wait of anything else meanwhile", stall_ms, "<=", STALL_MS, "ms")
    for name, folder_name in SUITES:
        yield Figure(f"{name}: failures", failures(folder_name) if (ROOT / folder_name).exists() else None, "=", 0)


async def _measured(folder: Path) -> tuple[float, float, float, float, float]:
    signing = jwk.generate_key("EC", "P-256", parameters={"kid": "k"})
    store = SqliteStore(folder / "store.db", Envelope({"k": secrets.token_bytes(32)}, "k"), lambda: int(time.time()))
    clock = SystemClock()
    fetcher = Fetcher(clock)
    try:
        await store.on_tables(migrate)
        keys = await store.write(lambda records: _filled(records, signing))
        door = IdentityDoor(store, fetcher, clock, OURS, frozenset((MODELS,)))
        await door.open()
        gc.collect()
        gc.freeze()  # as a worker does
        gc.set_threshold(YOUNG_OBJECTS)
        plan = _plan(door)
        key_us = _access_us(plan, keys[0].encode())
        token_us = _access_us(plan, _token(signing, "seen").encode())
        ratio = _times_joserfc(door, signing)
        swap_ms, stall_ms = await _swap(store, door)
        return key_us, token_us, ratio, swap_ms, stall_ms
    finally:
        fetcher.close()
        await store.close()


def _filled(records: Records, signing: Any) -> list[str]:
    records.insert(ADA)
    public = {"keys": [signing.as_dict(private=False)]}
    records.insert(
        Issuer(
            id="iss", organisation="org", name="idp", issuer=THEIRS, audiences=(MODELS,), jwks=json.dumps(public),
            algorithms=("ES256",),
        )
    )  # fmt: skip
    granted, now = frozenset(("llm",)), int(time.time())
    wanted = Wanted(name="k", scopes=("llm",))
    return [create(records, ADA, wanted, "bench", granted, now).key for _ in range(KEYS)]


def _token(signing: Any, token_id: str) -> str:
    now = int(time.time())
    claims = {
        "iss": THEIRS, "sub": "ada", "aud": MODELS, "iat": now, "exp": now + 3600, "jti": token_id, "client_id": "app",
        "scope": "llm", "name": "Ada Lovelace", "email": "ada@example.com",
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "k"}, claims, signing)


def _plan(door: IdentityDoor) -> Plan:
    configuration = declarative.load(CONFIGURATION, {})
    assert isinstance(configuration, Configuration), configuration
    clock = SystemClock()
    ports = PluginPorts(clock, LocalCounters(clock), NoLines(), WorkerMetrics(), door=door)
    return compile_plan(configuration, PluginRegistry.installed(), ports)


class NoLines:
    """Takes log lines and forgets them."""

    def write(self, path: str, line: bytes, reopen: bool = False) -> None: ...


def _access_us(plan: Plan, credential: bytes) -> float:
    fields = [
        (b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench/1"), (b"accept", b"*/*"),
        (b"content-type", b"application/json"), (b"authorization", b"Bearer " + credential),
        (b"content-length", b"1000"),
    ]  # fmt: skip
    request = RequestHead("POST", "/v1/x", "", Headers(fields), Connection("127.0.0.1", 40000, "127.0.0.1", 8000))
    match = plan.router.match(request)
    assert match is not None
    [plugin] = plan.chain(match.route, None).plugins
    exchanges = [Exchange(request, "id", plan, 0.0, 0.0) for _ in range(1000)]
    for exchange in exchanges:
        assert plugin.access(exchange) is None

    def all_of_them() -> None:
        for exchange in exchanges:
            plugin.access(exchange)

    return _least_us(all_of_them, rounds=50) / len(exchanges)


def _times_joserfc(door: IdentityDoor, signing: Any) -> float:
    """Tokens that were never seen, by turns with joserfc's own decoding and checking of the same."""
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": THEIRS}, aud={"essential": True, "value": MODELS}, exp={"essential": True}
    )

    def ours(token: str) -> None:
        found = door.authenticate(Presented(token.encode(), "127.0.0.1"))
        assert isinstance(found, Principal), found

    def theirs(token: str) -> None:
        registry.validate(jwt.decode(token, signing, algorithms=["ES256"]).claims)

    tokens = iter([_token(signing, str(number)) for number in range(4_000)])
    ratios = []
    for _ in range(20):
        batch = [next(tokens) for _ in range(200)]
        ratios.append(_spent_us(ours, batch) / _spent_us(theirs, batch))
    return sorted(ratios)[len(ratios) // 2]


def _spent_us(work: Callable[[str], None], tokens: list[str]) -> float:
    start = time.process_time_ns()
    for token in tokens:
        work(token)
    return (time.process_time_ns() - start) / 1000


def _least_us(work: Callable[[], None], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time_ns()
        work()
        best = min(best, (time.process_time_ns() - start) / 1000)
    return best


async def _swap(store: SqliteStore, door: IdentityDoor) -> tuple[float, float]:
    """The median time until a revocation counts, and the longest that the event loop was kept from other work."""
    times, stalls = [], []
    for _ in range(7):
        key = await store.write(lambda records: create(records, ADA, Wanted(name="n"), "bench", frozenset(("llm",)), 0))
        await _taken_over(door)
        await store.write(lambda records: revoke(records, key.record.id, int(time.time())))  # noqa: B023
        probe = asyncio.ensure_future(_longest_wait())
        await asyncio.sleep(0.02)
        start = time.perf_counter()
        await _taken_over(door)
        times.append((time.perf_counter() - start) * 1000)
        probe.cancel()
        stalls.append(await probe)
        assert not isinstance(door.authenticate(Presented(key.key.encode())), Principal)
    return sorted(times)[len(times) // 2], max(stalls)


async def _taken_over(door: IdentityDoor) -> None:
    door.changed(frozenset((VirtualKey.kind,)))
    while door.is_refreshing:  # noqa: ASYNC110  # nobody tells when it is done
        await asyncio.sleep(0.001)


async def _longest_wait() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, (now - last) * 1000 - 1), now
    except asyncio.CancelledError:
        return longest


if __name__ == "__main__":
    for each in figures():
        print(each.line(), flush=True)
