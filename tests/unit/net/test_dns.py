"""Name resolution: cached, refreshed behind the caller's back, guarded."""

import asyncio
import logging

import pytest

from entresol.net.dns import (
    AddressRefused,
    DnsLimits,
    NameNotResolved,
    Resolver,
    families_in_turn,
    literal_addresses,
)
from unit.net.scripted_upstream import ManualClock


class Zone:
    """What the operating system would answer; it counts and can be made to wait."""

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        if self.gate is not None:
            await self.gate.wait()
        if name not in self.addresses:
            raise OSError("Name or service not known")
        return self.addresses[name]


class Bench:
    def __init__(self, zone: Zone, limits: DnsLimits | None = None) -> None:
        self.clock = ManualClock()
        self.zone = zone
        self.resolver = Resolver(asyncio.get_running_loop(), self.clock, limits, lookup=zone)


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("::1", ("::1",)),
        ("2001:DB8::1", ("2001:db8::1",)),
        ("localhost", ("127.0.0.1", "::1")),
        ("LOCALHOST", ("127.0.0.1", "::1")),
        ("a.localhost", ("127.0.0.1", "::1")),
        ("a.test", None),
        ("host1", None),
        ("1.2.3", None),
        ("999.1.1.1", None),
        ("notlocalhost", None),
        ("", None),
    ],
)
def test_literals_and_localhost_need_no_resolution(host: str, addresses: tuple[str, ...] | None) -> None:
    assert literal_addresses(host) == addresses


@pytest.mark.parametrize(
    ("found", "order"),
    [
        (["1.1.1.1"], ("1.1.1.1",)),
        (["::1", "::2", "1.1.1.1"], ("::1", "1.1.1.1", "::2")),
        (["1.1.1.1", "1.1.1.1", "2.2.2.2", "::1"], ("1.1.1.1", "::1", "2.2.2.2")),
        ([], ()),
    ],
)
def test_address_families_take_turns(found: list[str], order: tuple[str, ...]) -> None:
    assert families_in_turn(found) == order


@pytest.mark.anyio
async def test_an_answer_is_kept_for_its_time() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]), DnsLimits(ttl_s=30))
    for seconds in (0, 10, 29):
        bench.clock.seconds = 1000.0 + seconds
        assert await bench.resolver.resolve("a.test") == ("1.1.1.1",)
    assert await bench.resolver.resolve("A.test.") == ("1.1.1.1",)
    assert bench.zone.asked == ["a.test"]


@pytest.mark.anyio
async def test_an_expired_answer_is_used_while_it_is_refreshed() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]))
    await bench.resolver.resolve("a.test")
    bench.clock.seconds += 31
    bench.zone.addresses["a.test"] = ["2.2.2.2"]
    bench.zone.gate = asyncio.Event()
    for _ in range(3):
        assert await bench.resolver.resolve("a.test") == ("1.1.1.1",)
    bench.zone.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert await bench.resolver.resolve("a.test") == ("2.2.2.2",)
    assert len(bench.zone.asked) == 2


@pytest.mark.anyio
async def test_an_answer_is_kept_when_refreshing_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]), DnsLimits(ttl_s=30, negative_ttl_s=5, stale_s=600))
    await bench.resolver.resolve("a.test")
    del bench.zone.addresses["a.test"]
    bench.clock.seconds += 31
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert await bench.resolver.resolve("a.test") == ("1.1.1.1",)
            await asyncio.sleep(0)
    assert len(bench.zone.asked) == 2
    assert "a.test" in caplog.text


@pytest.mark.anyio
async def test_a_stale_answer_is_not_used_for_ever() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]), DnsLimits(ttl_s=30, stale_s=600))
    await bench.resolver.resolve("a.test")
    del bench.zone.addresses["a.test"]
    bench.clock.seconds += 631
    with pytest.raises(NameNotResolved):
        await bench.resolver.resolve("a.test")


@pytest.mark.anyio
async def test_failing_again_and_again_does_not_keep_a_stale_answer_alive() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]), DnsLimits(ttl_s=30, negative_ttl_s=5, stale_s=60))
    await bench.resolver.resolve("a.test")
    del bench.zone.addresses["a.test"]
    for _ in range(20):
        bench.clock.seconds += 6
        try:
            await bench.resolver.resolve("a.test")
        except NameNotResolved:
            break
        await asyncio.sleep(0)
    assert 1030 + 60 <= bench.clock.seconds <= 1030 + 75


@pytest.mark.anyio
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_missing_name_is_remembered_for_a_short_time(is_known: bool) -> None:
    bench = Bench(Zone(a_test=[]) if is_known else Zone(), DnsLimits(negative_ttl_s=5))
    for _ in range(3):
        with pytest.raises(NameNotResolved):
            await bench.resolver.resolve("a.test")
    assert len(bench.zone.asked) == 1
    bench.clock.seconds += 6
    bench.zone.addresses["a.test"] = ["1.1.1.1"]
    assert await bench.resolver.resolve("a.test") == ("1.1.1.1",)


@pytest.mark.anyio
async def test_many_that_ask_at_once_share_one_question() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]))
    answers = await asyncio.gather(*[bench.resolver.resolve("a.test") for _ in range(10)])
    assert answers == [("1.1.1.1",)] * 10
    assert len(bench.zone.asked) == 1


@pytest.mark.anyio
async def test_one_that_stops_waiting_does_not_stop_the_others() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]))
    bench.zone.gate = asyncio.Event()
    impatient = asyncio.create_task(bench.resolver.resolve("a.test"))
    patient = asyncio.create_task(bench.resolver.resolve("a.test"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    bench.zone.gate.set()
    assert await patient == ("1.1.1.1",)


@pytest.mark.anyio
async def test_a_forgotten_answer_is_asked_for_again() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"]))
    await bench.resolver.resolve("a.test")
    bench.resolver.forget("a.test")
    bench.resolver.forget("b.test")
    await bench.resolver.resolve("a.test")
    await asyncio.sleep(0)
    assert len(bench.zone.asked) == 2


@pytest.mark.anyio
async def test_only_so_many_names_are_kept() -> None:
    bench = Bench(Zone(a_test=["1.1.1.1"], b_test=["1.1.1.2"], c_test=["1.1.1.3"]), DnsLimits(max_names=2))
    for name in ("a.test", "b.test", "a.test", "c.test", "a.test", "b.test"):
        await bench.resolver.resolve(name)
    assert bench.zone.asked == ["a.test", "b.test", "c.test", "b.test"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "allowed"),
    [("a.test", ("8.8.8.8",)), ("10.0.0.1", None), ("localhost", None), ("8.8.4.4", ("8.8.4.4",)), ("b.test", None)],
)
async def test_the_guard_sees_every_address_however_it_came(host: str, allowed: tuple[str, ...] | None) -> None:
    zone = Zone(a_test=["10.0.0.1", "8.8.8.8"], b_test=["169.254.169.254"])
    loop = asyncio.get_running_loop()
    guarded = Resolver(loop, ManualClock(), address_guard=lambda address: address.startswith("8.8."), lookup=zone)
    if allowed is None:
        with pytest.raises(AddressRefused):
            await guarded.resolve(host)
    else:
        assert await guarded.resolve(host) == allowed


@pytest.mark.anyio
async def test_the_operating_system_is_asked_off_the_loop() -> None:
    resolver = Resolver(asyncio.get_running_loop(), ManualClock())
    with pytest.raises(NameNotResolved):
        await resolver.resolve("no-such-name.invalid")
