"""Configuration of key-auth."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig

KeyName = Annotated[
    str,
    Meta(
        min_length=1,
        pattern="^[a-zA-Z0-9_-]+$",
        extra={"message": "bad header name, allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
    ),
]


class IdentityRealm(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look a consumer up. Only this gateway's own consumers (`cp` without an id) are there to be looked up."""

    scope: Annotated[Literal["cp", "realm"], Meta(description="`cp`: this gateway.")] = "cp"
    id: str | None = None
    region: str | None = None


class Principals(msgspec.Struct, frozen=True, kw_only=True):
    """Kong Identity, which is Kong's hosted service."""

    enabled: Annotated[bool, Meta(description="Not supported: must be false.")] = False
    directory: str = "default"
    error_on_miss: bool = True


class KeyAuthConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    key_names: Annotated[
        tuple[KeyName, ...],
        Meta(min_length=1, description="Names of the header, parameter or body field; the first that is sent counts."),
    ] = ("apikey",)
    key_in_header: Annotated[bool, Meta(description="Look in the header.")] = True
    key_in_query: Annotated[bool, Meta(description="Look in the query.")] = True
    key_in_body: Annotated[bool, Meta(description="Look in form, multipart and JSON bodies; holds bodies back.")] = (
        False
    )
    max_request_body_size: Annotated[
        int, Meta(ge=0, description="With `key_in_body`: bytes; larger is 413. 0: the server's limit. Not in Kong.")
    ] = 8_388_608
    hide_credentials: Annotated[bool, Meta(description="Take the key out of what goes to the upstream.")] = True
    anonymous: Annotated[str, Meta(description="Consumer (id or username) for those without a good key.")] | None = None
    realm: Annotated[str, Meta(description="The realm that WWW-Authenticate names.")] | None = None
    run_on_preflight: Annotated[bool, Meta(description="False: OPTIONS requests pass without a key.")] = True
    identity_realms: Annotated[tuple[IdentityRealm, ...], Meta(description="Only `scope: cp`.")] = ()
    principals: Annotated[Principals, Meta(description="Kong Identity; not supported.")] = Principals()

    def violations(self) -> list[tuple[str, str]]:
        """What Kong can look up in its hosted service, and we cannot."""
        found = []
        for at, realm in enumerate(self.identity_realms):
            if realm.scope == "realm" or realm.id is not None or realm.region is not None:
                found.append((f"identity_realms[{at}]", "not supported: consumers are looked up in this gateway only"))
        if self.principals.enabled:
            found.append(("principals.enabled", "not supported: there is no Kong Identity to ask"))
        return found
