from msgspec.structs import replace

from entresol.identity.oauth.cli_client import CLI_CLIENT, keep_cli_client
from entresol.identity.oauth.clients import check_client
from entresol.identity.records.oauth_clients import OAuthClient
from fake_records import MemoryRecords


def test_the_command_line_is_a_client_from_the_start() -> None:
    records = MemoryRecords()
    keep_cli_client(records)
    client = records.need(OAuthClient, CLI_CLIENT)
    check_client(client)
    assert client.authentication == "none"
    assert not client.redirect_uris


def test_one_that_was_disabled_stays_disabled() -> None:
    records = MemoryRecords()
    keep_cli_client(records)
    records.replace(replace(records.need(OAuthClient, CLI_CLIENT), is_enabled=False))
    keep_cli_client(records)
    assert not records.need(OAuthClient, CLI_CLIENT).is_enabled
