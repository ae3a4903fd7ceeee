"""Configuration of correlation-id."""

from typing import Annotated, Literal

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig


class CorrelationIdConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    header_name: Annotated[
        str,
        Meta(
            min_length=1,
            pattern="^[a-zA-Z0-9-_]+$",
            description="The header that holds the id.",
            extra={"message": "bad header name, allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
        ),
    ] = "Kong-Request-ID"
    generator: Annotated[
        Literal["uuid", "uuid#counter", "tracker"], Meta(description="How an id is made where the client sent none.")
    ] = "uuid#counter"
    echo_downstream: Annotated[bool, Meta(description="Send the id back to the client too.")] = False
