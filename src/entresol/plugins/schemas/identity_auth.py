"""Configuration of identity-auth."""

from typing import Annotated

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig


class IdentityAuthConfig(PluginConfig, frozen=True, kw_only=True):
    """Our own fields; Kong has no such plugin."""

    scopes: Annotated[
        tuple[str, ...], Meta(description="What the key or token must be good for; every one of them.")
    ] = ("llm",)
    key_names: Annotated[
        tuple[Annotated[str, Meta(min_length=1, pattern="^[a-zA-Z0-9-_]+$")], ...],
        Meta(min_length=1, description="Header fields that may hold the key or token, the first that is sent counts."),
    ] = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
    hide_credentials: Annotated[
        bool, Meta(description="Take the key or token out of the request: it is for the gateway, not for the upstream.")
    ] = True
    resource: Annotated[
        str | None, Meta(description="URL that tokens must be for, shown to clients that come without one.")
    ] = None
