"""Reads the declarative file, and makes sure that it can be served."""

from collections.abc import Mapping

import msgspec

from entresol.api_floor.compile import PluginPorts, compile_plan
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.registry import PluginRegistry
from entresol.app.adapters import check_certificates, line_sink
from entresol.app.late_door import LateDoor
from entresol.app.price_files import installed_prices
from entresol.cloud.clouds import Clouds
from entresol.config import Settings
from entresol.core.errors import ConfigError
from entresol.net.clock import SystemClock
from entresol.store.counters import LocalCounters
from entresol.store.declarative import load
from entresol.store.text_reading import MAX_BYTES, UnreadableText, read_text
from entresol.supervisor.loader import Document, Refused
from entresol.supervisor.watch import digest_of
from entresol.telemetry.metrics import WorkerMetrics


def read_document(settings: Settings, environment: Mapping[str, str]) -> tuple[Document, Configuration] | Refused:
    """Read and validate the declarative file. The document is JSON whatever the file is, so workers need no YAML."""
    path = settings.configuration.file
    assert path is not None  # the command line asks for it
    try:
        with open(path, "rb") as file:
            source = file.read(MAX_BYTES + 1)
        data = read_text(source)
    except OSError as error:
        return Refused((f"{path}: {error.strerror}",))
    except UnreadableText as error:
        return Refused((str(error),))
    if not isinstance(data, dict):
        return Refused(("expected a record with '_format_version' and entities",))
    content = msgspec.json.encode({str(key): value for key, value in data.items()})
    configuration = load(content, environment, compat=settings.configuration.compat)
    if isinstance(configuration, list):
        return Refused(tuple(str(violation) for violation in configuration))
    warnings = tuple(str(warning) for warning in configuration.warnings)
    return Document(configuration.version(), content, warnings, digest_of(source)), configuration


def check_configuration(settings: Settings, environment: Mapping[str, str]) -> Document | Refused:
    """Like `read_document`, and sure that it can be served: plugins are built and certificates loaded."""
    found = read_document(settings, environment)
    if isinstance(found, Refused):
        return found
    document, configuration = found
    clock = SystemClock()
    metrics = WorkerMetrics()
    clouds = Clouds(clock, environment)
    try:
        prices = installed_prices(settings.prices)
        door = LateDoor() if settings.store.url is not None else None
        ports = PluginPorts(
            clock, LocalCounters(clock), line_sink(metrics), metrics, settings.headers.brand, clouds, prices, door
        )
        compile_plan(configuration, PluginRegistry.installed(), ports)
        check_certificates(settings, configuration)
    except ConfigError as error:
        return Refused((error.message,))
    return document
