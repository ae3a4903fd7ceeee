"""A source of the gateway, asked as ai-proxy asks it."""

import asyncio
import os

import pytest

from entresol.cloud.clouds import Clouds
from entresol.core.errors import UpstreamError
from entresol.core.http import HeaderPairs
from entresol.llm.cloud_credentials import CloudCredential, CredentialSource
from entresol.llm.model_config import AuthConfig, ModelOptions
from entresol.net.clock import SystemClock

HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
TARGET = "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
BODY = b'{"messages":[]}'


def source_of(auth: AuthConfig, options: ModelOptions, provider: str) -> CredentialSource:
    """The source of a model on this machine, with what its variables say now."""
    clouds = Clouds(SystemClock(), os.environ)
    source = clouds.source(auth, clouds.completed(auth, options, provider), provider)
    assert source is not None
    assert source.current() is None
    return source


def credential_of(auth: AuthConfig, options: ModelOptions, provider: str) -> CloudCredential:
    """What the cloud gives out. It stays in memory."""
    source = source_of(auth, options, provider)

    async def fetch() -> CloudCredential:
        credential = await source.fetch()
        assert source.current() is credential
        return credential

    return asyncio.run(fetch())


def error_of(auth: AuthConfig, options: ModelOptions, provider: str) -> UpstreamError:
    """What calls are told when the cloud gives out nothing."""
    source = source_of(auth, options, provider)

    async def fetch() -> UpstreamError:
        with pytest.raises(UpstreamError) as caught:
            await source.fetch()
        assert source.current() is None
        return caught.value

    error = asyncio.run(fetch())
    assert (error.code, error.status) == ("provider_credential_unavailable", 503)
    return error


def fields_of(credential: CloudCredential, now: float) -> HeaderPairs:
    """What a call carries."""
    return credential.apply("POST", HOST, TARGET, [(b"content-type", b"application/json")], BODY, now)
