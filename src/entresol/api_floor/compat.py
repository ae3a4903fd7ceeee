"""Defaults that changed between Kong 3.9 and 3.15, for people who bring files written for the older one."""

from typing import Any, Final, Literal

Compat = Literal["3.15", "3.9"]

DEFAULT: Final[Compat] = "3.15"

_OLD_BODY_SIZE: Final = {"max_request_body_size": 8192}
_ENTITY_DEFAULTS: Final[dict[str, dict[str, Any]]] = {"routes": {"protocols": ["http", "https"]}}
_PLUGIN_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "key-auth": {"hide_credentials": False},
    "ai-proxy": _OLD_BODY_SIZE,
    "ai-prompt-decorator": _OLD_BODY_SIZE,
    "ai-prompt-guard": _OLD_BODY_SIZE,
}


def entity_defaults(compat: Compat, kind: str) -> dict[str, Any]:
    """Raw values for fields that a file leaves out, where they differ from the declared defaults."""
    return _ENTITY_DEFAULTS.get(kind, {}) if compat == "3.9" else {}


def plugin_defaults(compat: Compat, plugin: str) -> dict[str, Any]:
    """The same for a plugin's configuration."""
    return _PLUGIN_DEFAULTS.get(plugin, {}) if compat == "3.9" else {}
