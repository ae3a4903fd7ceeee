"""The command line as an OAuth client: there from the start, public, for devices (RFC 8628)."""

from typing import Final

from entresol.core.storage import Records
from entresol.identity.records.oauth_clients import OAuthClient

CLI_CLIENT: Final = "entresol-cli"
CLI_SCOPES: Final = ("openid", "admin:read", "admin:write")


def keep_cli_client(records: Records) -> None:
    """Make its record if it is not there. One that an administrator disabled stays disabled."""
    if records.get(OAuthClient, CLI_CLIENT) is None:
        records.insert(
            OAuthClient(
                id=CLI_CLIENT,
                name="Entresol command line",
                grant_types=("urn:ietf:params:oauth:grant-type:device_code", "refresh_token"),
                scopes=CLI_SCOPES,
                is_native=True,
            )
        )
