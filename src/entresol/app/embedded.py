"""The gateway inside another server's process: no listeners, signals or workers of our own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from entresol.app.alone import Alone, log_warnings
from entresol.app.configuration import read_document
from entresol.config import Settings, load_settings
from entresol.core.errors import ConfigError
from entresol.core.ports import Handler
from entresol.net.clock import SystemClock
from entresol.supervisor.loader import Refused


def settings_from_environment() -> Settings:
    """Settings for when nobody gives flags: `ENTRESOL_CONFIG` names the declarative file. Raises ConfigError."""
    flags = {"configuration.file": os.environ["ENTRESOL_CONFIG"]} if "ENTRESOL_CONFIG" in os.environ else {}
    settings = load_settings(None, os.environ, flags)
    if isinstance(settings, list):
        raise ConfigError("settings_invalid", "; ".join(str(violation) for violation in settings))
    if settings.configuration.file is None:
        raise ConfigError("settings_invalid", "ENTRESOL_CONFIG names no declarative file")
    return settings


@asynccontextmanager
async def embedded_gateway(settings: Settings) -> AsyncIterator[Handler]:
    """The API floor, reloading its file when that changes, for as long as the context is open. Raises ConfigError."""
    found = read_document(settings, os.environ)
    if isinstance(found, Refused):
        raise ConfigError("configuration_invalid", f"{settings.configuration.file}: {found}")
    document, configuration = found
    log_warnings(document)
    life = Alone(settings, document, configuration, SystemClock())
    await life.open_control()
    life.start_clock()
    try:
        yield life.gateway.floor
    finally:
        life.stop()
        life.stop_clock()
        await life.gateway.drain(0.0)
        await life.close_control()
