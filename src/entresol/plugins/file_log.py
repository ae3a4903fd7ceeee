"""file-log: one line of JSON per request, Kong's log record, appended to a file off the request's way."""

from typing import ClassVar

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_record import log_line
from entresol.api_floor.plugin import Plugin, PluginContext
from entresol.plugins.schemas.file_log import FileLogConfig


class FileLog(Plugin[FileLogConfig]):
    """See the module."""

    name = "file-log"
    priority: ClassVar[int] = 9
    config_type = FileLogConfig

    def __init__(self, config: FileLogConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._write = context.lines.write
        self._path, self._reopen = config.path, config.reopen

    def log(self, exchange: Exchange) -> None:
        """Queue the record."""
        self._write(self._path, log_line(exchange), self._reopen)
