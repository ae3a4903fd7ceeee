"""api_floor.compile"""

import logging
from typing import Any, cast

import msgspec
import pytest

from entresol.api_floor.compile import PluginPorts, compile_plan, compile_route, compile_service
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.entities import (
    Certificate,
    Consumer,
    ConsumerGroup,
    KeyAuthCredential,
    PluginInstance,
    Route,
    Service,
)
from entresol.api_floor.plan import Plan
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext, Scope
from entresol.api_floor.registry import PluginRegistry
from entresol.core.errors import ConfigError
from entresol.core.http import Connection, Headers, Origin, RequestHead, Timeouts, TlsClient
from entresol.core.secret import Secret
from entresol.llm.price_table import FORMAT, TableHead, table_of


class Settings(PluginConfig, frozen=True, kw_only=True):
    token: Secret | None = None


class Sample(Plugin[Settings]):
    name = "sample"
    priority = 5
    config_type = Settings

    def __init__(self, config: Settings, context: PluginContext) -> None:
        super().__init__(config, context)
        self.token = None if config.token is None else config.token.reveal()


class Clumsy(Plugin[PluginConfig]):
    name = "clumsy"
    priority = 4
    config_type = PluginConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        raise ValueError("S3CRET")


class FixedClock:
    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0


NOTHING = cast("Any", None)
PORTS = PluginPorts(clock=FixedClock(), counters=NOTHING, lines=NOTHING, metrics=NOTHING, brand="Kong")
REGISTRY = PluginRegistry({"sample": lambda: Sample, "clumsy": lambda: Clumsy})


def compiled(**entities: Any) -> Plan:
    return compile_plan(Configuration(**entities), REGISTRY, PORTS)


def request(path: str) -> RequestHead:
    return RequestHead("GET", path, "", Headers(), Connection("192.0.2.1", 5, "192.0.2.2", 80))


def test_plugins_get_the_prices_that_hold_here() -> None:
    seen: list[PluginContext] = []

    class Curious(Plugin[PluginConfig]):
        name = "curious"
        priority = 3
        config_type = PluginConfig

        def __init__(self, config: PluginConfig, context: PluginContext) -> None:
            super().__init__(config, context)
            seen.append(context)

    prices = table_of(TableHead(format=FORMAT, source="test", version="1", licence=""), [])
    instance = PluginInstance(id="p", name="curious", config=PluginConfig())
    registry = PluginRegistry({"curious": lambda: Curious})
    for given in (None, prices):
        compile_plan(Configuration(plugins=(instance,)), registry, msgspec.structs.replace(PORTS, prices=given))
    assert [context.prices for context in seen] == [None, prices]


def test_a_service_becomes_an_origin_with_clocks_in_seconds() -> None:
    service = compile_service(
        Service(
            id="s", host="API.test", port=8443, protocol="https", path="/v1", connect_timeout=1500, read_timeout=2500
        )
    )
    assert service.origin == Origin("https", "api.test", 8443, TlsClient(verify=True))
    assert service.path == "/v1"
    assert service.timeouts == Timeouts(connect_s=1.5, first_byte_s=2.5, idle_s=2.5, write_s=60.0)


def test_certificates_are_verified_unless_the_service_says_no() -> None:
    verified = [compile_service(Service(id="s", host="h", protocol="https", tls_verify=v)) for v in (None, True, False)]
    assert [service.origin.tls for service in verified] == [TlsClient(True), TlsClient(True), TlsClient(False)]


def test_an_ipv6_host_loses_its_brackets_and_an_unset_path_is_the_root() -> None:
    service = compile_service(Service(id="s", host="[::1]"))
    assert (service.origin.host, service.origin.authority, service.path) == ("::1", "[::1]", "/")


def test_a_route_without_http_is_https_only() -> None:
    assert compile_route(Route(id="r"), None).https_only
    assert not compile_route(Route(id="r", protocols=("http", "https")), None).https_only


def test_routes_find_their_service_and_disabled_services_have_none() -> None:
    plan = compiled(
        services=(Service(id="on", host="on.test"), Service(id="off", host="off.test", enabled=False)),
        routes=(
            Route(id="r1", service="on", paths=("/on",), protocols=("http",)),
            Route(id="r2", service="off", paths=("/off",), protocols=("http",)),
            Route(id="r3", paths=("/bare",), protocols=("http",)),
        ),
    )
    match = plan.router.match(request("/on/x"))
    assert match is not None
    assert match.route.service is not None
    assert match.route.service.origin.host == "on.test"
    assert plan.router.match(request("/off")) is None
    bare = plan.router.match(request("/bare"))
    assert bare is not None
    assert bare.route.service is None


def test_plugins_get_their_ports_and_their_scope() -> None:
    plan = compiled(
        routes=(Route(id="r1", paths=("/",), protocols=("http",)),),
        plugins=(PluginInstance(id="p1", name="sample", route="r1", config=Settings(token=Secret("t"))),),
    )
    match = plan.router.match(request("/"))
    assert match is not None
    (plugin,) = plan.chain(match.route, None).plugins
    assert isinstance(plugin, Sample)
    assert (plugin.token, plugin.context.instance_id, plugin.context.scope) == ("t", "p1", Scope(route="r1"))
    assert (plugin.context.brand, plugin.context.consumers) == ("Kong", plan.consumers)
    assert plugin.context.logger.name == "entresol.plugins.sample"


def test_a_disabled_plugin_is_never_built() -> None:
    plan = compiled(plugins=(PluginInstance(id="p", name="clumsy", enabled=False, config=PluginConfig()),))
    assert plan.global_chain.plugins == ()


def test_consumers_in_a_group_get_its_plugins() -> None:
    plan = compiled(
        routes=(Route(id="r1", paths=("/",), protocols=("http",)),),
        consumer_groups=(ConsumerGroup(id="g2", name="gold"), ConsumerGroup(id="g1", name="zinc")),
        consumers=(Consumer(id="c", username="alice", groups=("g1", "g2")),),
        plugins=(
            PluginInstance(id="of-zinc", name="sample", consumer_group="g1", config=Settings()),
            PluginInstance(id="of-gold", name="sample", consumer_group="g2", config=Settings()),
        ),
    )
    match = plan.router.match(request("/"))
    assert match is not None
    chain = plan.chain(match.route, plan.consumers.by_name("alice"))
    assert [plugin.context.instance_id for plugin in chain.plugins] == ["of-gold"]
    assert plan.chain(match.route, None).plugins == ()
    assert plan.consumers_with_plugins == {"c"}


def test_the_plan_knows_keys_and_certificates() -> None:
    certificate = Certificate(id="x", cert="-----BEGIN CERTIFICATE-----", key=Secret("k"), snis=("a.test",))
    key = KeyAuthCredential(id="k", consumer="c", key_sha256="ab" * 32)
    plan = compiled(
        consumers=(Consumer(id="c", username="alice"),), keyauth_credentials=(key,), certificates=(certificate,)
    )
    assert plan.certificates == (certificate,)
    assert plan.consumers.by_credential("keyauth_credentials", bytes.fromhex("ab" * 32)) is not None


def test_all_plugins_that_cannot_be_built_are_named_and_no_secret_is(caplog: pytest.LogCaptureFixture) -> None:
    missing = Secret(None, missing=("{vault://env/key}",))
    with caplog.at_level(logging.CRITICAL), pytest.raises(ConfigError) as raised:
        compiled(
            plugins=(
                PluginInstance(id="p1", name="clumsy", config=PluginConfig()),
                PluginInstance(id="p2", name="sample", config=Settings(token=missing)),
                PluginInstance(id="p3", name="sample", config=PluginConfig(), route="r"),
                PluginInstance(id="p4", name="gone", config=PluginConfig()),
            )
        )
    assert raised.value.code == "plugin_failed"
    assert raised.value.message == (
        "plugin 'clumsy' (p1): cannot be built: ValueError; "
        "plugin 'sample' (p2): no value for {vault://env/key}; "
        "plugin 'sample' (p3): its configuration is not a Settings; "
        "plugin 'gone' (p4): is not installed"
    )


def test_the_version_follows_the_content() -> None:
    one = compiled(services=(Service(id="s", host="a"),)).version
    assert one == compiled(services=(Service(id="s", host="a"),)).version
    assert one != compiled(services=(Service(id="s", host="b"),)).version
