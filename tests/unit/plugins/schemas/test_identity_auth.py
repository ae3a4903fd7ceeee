"""Configuration of identity-auth."""

import pytest

from entresol.core.schema import parse
from entresol.plugins.schemas.identity_auth import IdentityAuthConfig


def test_keys_are_looked_for_where_clients_of_models_put_them() -> None:
    config = parse(IdentityAuthConfig, {})
    assert isinstance(config, IdentityAuthConfig)
    assert config.key_names == ("authorization", "x-api-key", "api-key", "x-goog-api-key")
    assert config.hide_credentials
    assert config.scopes == ("llm",)


@pytest.mark.parametrize("raw", [{"key_names": []}, {"key_names": ["a b"]}, {"anonymous": "x"}, {"scopes": "llm"}])
def test_what_makes_no_sense_is_refused(raw: dict[str, object]) -> None:
    assert isinstance(parse(IdentityAuthConfig, raw), list)
