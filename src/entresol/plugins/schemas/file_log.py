"""Configuration of file-log."""

from typing import Annotated

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig


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
