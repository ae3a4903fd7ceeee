import asyncio
from pathlib import Path

import msgspec
import pytest

from entresol.api_floor.configuration import Configuration
from entresol.app.configuration import read_document
from entresol.app.gateway import Gateway
from entresol.config import PriceSettings, Settings
from entresol.core.errors import ConfigError
from entresol.net.clock import SystemClock
from entresol.store.counters import LocalCounters
from entresol.supervisor.loader import Refused
from unit.app.free_ports import configuration, mismatched_certificate, settings_for


def read(settings: Settings) -> Configuration:
    found = read_document(settings, {})
    assert not isinstance(found, Refused)
    return found[1]


def test_a_prepared_plan_serves_once_it_is_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = settings_for(tmp_path / "c.yaml", configuration("/old"))
        clock = SystemClock()
        gateway = Gateway(settings, read(settings), LocalCounters(clock), clock)
        old = gateway.floor.plan
        plan = gateway.prepare(read(settings_for(tmp_path / "c.yaml", configuration("/new"))))
        assert gateway.floor.plan is old
        gateway.use(plan)
        assert gateway.floor.plan is plan
        gateway.tick()
        await gateway.drain(0.0)

    asyncio.run(scenario())


@pytest.mark.parametrize("listen", ["127.0.0.1:0 ssl", "127.0.0.1:0"])
def test_certificates_are_checked_before_anything_changes(tmp_path: Path, listen: str) -> None:
    async def scenario() -> None:
        settings = settings_for(tmp_path / "c.yaml", configuration("/old"))
        settings = Settings(proxy=type(settings.proxy)(listen=(listen,)), configuration=settings.configuration)
        clock = SystemClock()
        gateway = Gateway(settings, read(settings), LocalCounters(clock), clock)
        old = gateway.floor.plan
        text = configuration("/new", mismatched_certificate())
        with pytest.raises(ConfigError, match="does not load with its key"):
            gateway.prepare(read(settings_for(tmp_path / "c.yaml", text)))
        assert gateway.floor.plan is old
        await gateway.drain(0.0)

    asyncio.run(scenario())


def test_prices_are_read_with_each_plan_and_bad_ones_change_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        own = tmp_path / "own.yaml"
        own.write_text("prices: [{provider: openai, model: gpt-4o, input: 1}]")
        settings = settings_for(tmp_path / "c.yaml", configuration("/old"))
        settings = msgspec.structs.replace(settings, prices=PriceSettings(overrides_file=str(own)))
        clock = SystemClock()
        gateway = Gateway(settings, read(settings), LocalCounters(clock), clock)
        old = gateway.floor.plan
        own.write_text("prices: [{provider: openai}]")
        with pytest.raises(ConfigError, match="input: required field missing"):
            gateway.prepare(read(settings))
        assert gateway.floor.plan is old
        await gateway.drain(0.0)

    asyncio.run(scenario())


def test_metrics_and_counters_outlive_a_plan(tmp_path: Path) -> None:
    async def scenario() -> None:
        more = "plugins: [{name: prometheus, config: {status_code_metrics: true}}]"
        settings = settings_for(tmp_path / "c.yaml", configuration("/old", more))
        clock = SystemClock()
        gateway = Gateway(settings, read(settings), LocalCounters(clock), clock)
        before = gateway.metrics
        gateway.use(gateway.prepare(read(settings)))
        assert gateway.metrics is before
        await gateway.drain(0.0)

    asyncio.run(scenario())
