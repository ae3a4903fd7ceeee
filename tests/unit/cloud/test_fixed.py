"""Sources that never wait."""

import asyncio

import pytest

from entresol.cloud.fixed import FaultySource, FixedSource
from entresol.core.errors import ConfigError
from entresol.llm.cloud_credentials import BearerToken


def test_a_configured_credential_is_always_there() -> None:
    token = BearerToken("bedrock-api-key-x")
    source = FixedSource(token)
    assert source.current() is token
    assert asyncio.run(source.fetch()) is token


def test_a_secret_without_a_value_is_said_at_the_call() -> None:
    fault = ConfigError("secret_unresolved", "no value for {vault://env/aws-key}", status=503)
    source = FaultySource(fault)
    assert source.current() is None
    with pytest.raises(ConfigError, match="vault://env/aws-key"):
        asyncio.run(source.fetch())
