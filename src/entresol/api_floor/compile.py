"""From a validated configuration to a plan. It succeeds whole or not at all: nothing is swapped in half-built."""

import logging
from collections.abc import Sequence

import msgspec

from entresol.api_floor.chains import ChainSelector, ScopedPlugin
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.consumer_index import ConsumerIndex
from entresol.api_floor.entities import PluginInstance, Route, Service
from entresol.api_floor.plan import CompiledRoute, CompiledService, Plan
from entresol.api_floor.plugin import AnyPlugin, ConsumerDirectory, PluginContext, Scope
from entresol.api_floor.plugin_context import Door
from entresol.api_floor.registry import PluginRegistry
from entresol.api_floor.router import RouteTable
from entresol.core.errors import ConfigError, GatewayError
from entresol.core.http import Origin, Timeouts, TlsClient
from entresol.core.ports import Clock, Counters, LineSink, Metrics
from entresol.llm.cloud_credentials import NO_CLOUDS, CloudCredentials
from entresol.llm.price_table import PriceTable

logger = logging.getLogger("entresol.api_floor")


class PluginPorts(msgspec.Struct, frozen=True):
    """What whoever composes the gateway gives to all plugins."""

    clock: Clock
    counters: Counters
    lines: LineSink
    metrics: Metrics
    brand: str = "Entresol"
    """See `PluginContext.brand`."""
    credentials: CloudCredentials = NO_CLOUDS
    """See `PluginContext.credentials`."""
    prices: PriceTable | None = None
    """See `PluginContext.prices`."""
    door: Door | None = None
    """See `PluginContext.door`."""


def compile_plan(configuration: Configuration, registry: PluginRegistry, ports: PluginPorts) -> Plan:
    """Build everything that can be known before a request.

    Raises ConfigError `plugin_failed`, which names every plugin that could not be built.
    """
    services = {service.id: compile_service(service) for service in configuration.services if service.enabled}
    consumers = ConsumerIndex(configuration.consumers, configuration.keyauth_credentials, ports.clock)
    groups = _groups_of(configuration)
    selector = ChainSelector(_build_all(configuration.plugins, registry, ports, consumers), groups)
    return Plan(
        version=configuration.version(),
        router=RouteTable(_compile_routes(configuration, services)),
        consumers=consumers,
        consumers_with_plugins=selector.consumers_with_plugins(),
        certificates=configuration.certificates,
        global_chain=selector.global_chain(),
        chain_source=selector,
    )


def compile_service(service: Service) -> CompiledService:
    """Where a service is and how long to wait for it."""
    tls = TlsClient(verify=service.tls_verify is not False) if service.protocol == "https" else None
    host = service.host.lower().removeprefix("[").removesuffix("]")
    read_s = service.read_timeout / 1000
    return CompiledService(
        entity=service,
        origin=Origin(scheme=service.protocol, host=host, port=service.port, tls=tls),
        path=service.path or "/",
        timeouts=Timeouts(
            connect_s=service.connect_timeout / 1000,
            first_byte_s=read_s,
            idle_s=read_s,
            write_s=service.write_timeout / 1000,
        ),
    )


def _compile_routes(configuration: Configuration, services: dict[str, CompiledService]) -> list[CompiledRoute]:
    """Routes of disabled services do not exist."""
    return [
        compile_route(route, None if route.service is None else services[route.service])
        for route in configuration.routes
        if route.service is None or route.service in services
    ]


def compile_route(route: Route, service: CompiledService | None) -> CompiledRoute:
    """A route with its service."""
    return CompiledRoute(entity=route, service=service, https_only="http" not in route.protocols)


def _groups_of(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Group ids of every consumer that has any, in the order of the groups' names."""
    names = {group.id: group.name for group in configuration.consumer_groups}
    return {
        consumer.id: tuple(sorted(consumer.groups, key=lambda group: names[group]))
        for consumer in configuration.consumers
        if consumer.groups
    }


def _build_all(
    instances: Sequence[PluginInstance], registry: PluginRegistry, ports: PluginPorts, consumers: ConsumerDirectory
) -> list[ScopedPlugin]:
    built: list[ScopedPlugin] = []
    failures: list[str] = []
    for instance in instances:
        if not instance.enabled:
            continue
        scope = Scope(instance.service, instance.route, instance.consumer, instance.consumer_group)
        context = PluginContext(
            instance_id=instance.id,
            scope=scope,
            clock=ports.clock,
            counters=ports.counters,
            lines=ports.lines,
            metrics=ports.metrics,
            consumers=consumers,
            logger=logging.getLogger(f"entresol.plugins.{instance.name}"),
            brand=ports.brand,
            credentials=ports.credentials,
            prices=ports.prices,
            door=ports.door,
        )
        try:
            built.append(ScopedPlugin(_build(instance, registry, context), scope))
        except GatewayError as error:
            failures.append(f"plugin {instance.name!r} ({instance.id}): {error.message}")
    if failures:
        raise ConfigError("plugin_failed", "; ".join(failures))
    return built


def _build(instance: PluginInstance, registry: PluginRegistry, context: PluginContext) -> AnyPlugin:
    plugin = registry.find(instance.name)
    if plugin is None:
        raise ConfigError("plugin_failed", "is not installed")
    if not isinstance(instance.config, plugin.config_type):
        raise ConfigError("plugin_failed", f"its configuration is not a {plugin.config_type.__name__}")
    try:
        return plugin(instance.config, context)
    except GatewayError:
        raise
    except Exception as error:  # a plugin may raise anything; its message could hold a secret
        logger.exception("plugin %r cannot be built", instance.name)
        raise ConfigError("plugin_failed", f"cannot be built: {type(error).__name__}") from error
