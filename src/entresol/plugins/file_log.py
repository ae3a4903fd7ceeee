"""file-log: one line of JSON per request, Kong's log record, appended to a file off the request's way."""

from typing import Annotated, ClassVar

from msgspec import Meta

from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_record import log_line
from entresol.api_floor.plugin import Plugin, PluginConfig, PluginContext


class FileLogConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    path: Annotated[
        str,
        Meta(
            min_length=1,
            pattern=r"^[^*&%\\`\x00]+$",
            description="The file; made if it is not there. `/dev/stdout` and `/dev/stderr` work too.",
            extra={"message": "not a valid filename"},
        ),
    ]
    reopen: Annotated[bool, Meta(description="Open the file afresh for every batch, for log rotation.")] = False
    custom_fields_by_lua: Annotated[dict[str, str], Meta(description="Not supported: must be empty.")] = {}

    def violations(self) -> list[tuple[str, str]]:
        """What would need Lua."""
        if self.custom_fields_by_lua:
            return [("custom_fields_by_lua", "not supported: there is no Lua to run")]
        return []


class FileLog(Plugin[FileLogConfig]):
    """See the module."""

    name = "file-log"
    priority: ClassVar[int] = 9
    config_type = FileLogConfig

    def __init__(self, config: FileLogConfig, context: PluginContext) -> None:
        super().__init__(config, context)
        self._write = context.lines.write
        self._path, self._reopen = config.path, config.reopen
        self._buffer = bytearray()

    def log(self, exchange: Exchange) -> None:
        """Queue the record."""
        self._write(self._path, log_line(exchange, self._buffer), self._reopen)
