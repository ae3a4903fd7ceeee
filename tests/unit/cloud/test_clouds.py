"""Which models get a source, and which share one."""

import gc
import json
from typing import Any

import pytest

from entresol.cloud.clouds import Clouds
from entresol.cloud.fixed import FaultySource, FixedSource
from entresol.cloud.tokens import TokenSource
from entresol.core.errors import ConfigError
from entresol.core.secret import Secret
from entresol.llm.model_config import AuthConfig, BedrockOptions, GeminiOptions, ModelOptions
from playbooks.floor import FakeClock
from unit.cloud.missing import hide

REGION = {"AWS_REGION": "eu-central-1"}
HEADER = {"header_name": "Authorization", "header_value": Secret("Bearer x")}
PARAMETER: dict[str, Any] = {"param_name": "key", "param_value": Secret("x"), "param_location": "query"}
KEY = json.dumps(
    {"type": "service_account", "client_email": "e", "private_key": "k", "token_uri": "u", "project_id": "p"}
)
VERTEX = ModelOptions(gemini=GeminiOptions(project_id="p", location_id="europe-west1"))


def clouds(environment: dict[str, str] | None = None) -> Clouds:
    return Clouds(FakeClock(), REGION if environment is None else environment)


@pytest.mark.parametrize(
    ("provider", "auth"),
    [
        ("openai", {}),
        ("bedrock", HEADER),
        ("bedrock", PARAMETER),
        ("gemini", {}),
        ("gemini", PARAMETER),
        ("vertex", HEADER),
        ("azure", {}),
        ("azure", HEADER),
        ("azure", {**HEADER, "azure_client_secret": Secret("s")}),
    ],
)
def test_models_that_have_their_credential_get_no_source(provider: str, auth: dict[str, Any]) -> None:
    assert clouds().source(AuthConfig(**auth), ModelOptions(), provider) is None


@pytest.mark.parametrize(
    ("provider", "auth"),
    [
        ("bedrock", {}),
        ("gemini", {"gcp_use_service_account": True}),
        ("gemini", {**HEADER, "gcp_use_service_account": True}),
        ("vertex", {}),
        ("vertex", {"gcp_service_account_json": Secret(KEY)}),
        ("azure", {"azure_use_managed_identity": True}),
        ("azure", {**HEADER, "azure_use_managed_identity": True}),
        ("azure", {"azure_client_secret": Secret("s"), "azure_client_id": "i", "azure_tenant_id": "t"}),
    ],
)
def test_models_of_clouds_get_one_that_asks_their_cloud(provider: str, auth: dict[str, Any]) -> None:
    assert isinstance(clouds().source(AuthConfig(**auth), ModelOptions(), provider), TokenSource)


@pytest.mark.parametrize(
    ("auth", "environment"),
    [
        ({"aws_access_key_id": Secret("AKIA"), "aws_secret_access_key": Secret("s")}, REGION),
        ({**HEADER, "aws_access_key_id": Secret("AKIA"), "aws_secret_access_key": Secret("s")}, REGION),
        ({}, {**REGION, "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}),
        ({}, {"AWS_BEARER_TOKEN_BEDROCK": "t"}),
    ],
)
def test_configured_keys_and_tokens_are_there_at_once(auth: dict[str, Any], environment: dict[str, str]) -> None:
    source = clouds(environment).source(AuthConfig(**auth), ModelOptions(), "bedrock")
    assert isinstance(source, FixedSource)
    assert source.current() is not None


def test_what_can_never_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="region"):
        clouds({}).source(AuthConfig(), ModelOptions(), "bedrock")
    hide("botocore", monkeypatch)
    with pytest.raises(ConfigError, match="pip install"):
        clouds().source(AuthConfig(), ModelOptions(), "bedrock")


@pytest.mark.parametrize(
    ("provider", "switch"),
    [
        ("openai", "gcp_use_service_account"),
        ("azure", "gcp_use_service_account"),
        ("vertex", "azure_use_managed_identity"),
    ],
)
def test_an_identity_of_another_cloud_is_refused(provider: str, switch: str) -> None:
    auth: dict[str, Any] = {switch: True}
    with pytest.raises(ConfigError, match=f"auth.{switch} is for the provider .*, not {provider}") as caught:
        clouds().source(AuthConfig(**auth), ModelOptions(), provider)
    assert caught.value.code == "cloud_credential_invalid"


def test_a_secret_without_a_value_stops_calls_but_not_the_gateway() -> None:
    auth = AuthConfig(aws_access_key_id=Secret("AKIA"), aws_secret_access_key=Secret(None, missing=("x",)))
    assert isinstance(clouds().source(auth, ModelOptions(), "bedrock"), FaultySource)


def test_models_that_ask_for_the_same_share_a_source_while_one_of_them_lives() -> None:
    known = clouds()
    first = known.source(AuthConfig(), ModelOptions(), "bedrock")
    assert known.source(AuthConfig(), ModelOptions(temperature=1.0), "bedrock") is first
    other = ModelOptions(bedrock=BedrockOptions(aws_region="us-east-1"))
    assert known.source(AuthConfig(), other, "bedrock") is not first
    del first
    gc.collect()
    assert len(known._sources) == 0


@pytest.mark.parametrize(
    ("provider", "options", "environment", "expected"),
    [
        ("bedrock", ModelOptions(), REGION, ModelOptions(bedrock=BedrockOptions(aws_region="eu-central-1"))),
        (
            "bedrock",
            ModelOptions(bedrock=BedrockOptions(aws_region="us-east-1")),
            REGION,
            ModelOptions(bedrock=BedrockOptions(aws_region="us-east-1")),
        ),
        ("bedrock", ModelOptions(), {}, ModelOptions()),
        ("openai", ModelOptions(), REGION, ModelOptions()),
        (
            "vertex",
            ModelOptions(),
            {"GOOGLE_CLOUD_PROJECT": "env", "GOOGLE_CLOUD_LOCATION": "global"},
            ModelOptions(gemini=GeminiOptions(project_id="env", location_id="global")),
        ),
        ("vertex", VERTEX, {"GOOGLE_CLOUD_PROJECT": "env", "GOOGLE_CLOUD_LOCATION": "global"}, VERTEX),
        ("vertex", ModelOptions(), {}, ModelOptions()),
        (
            "gemini",
            ModelOptions(gemini=GeminiOptions(location_id="europe-west1")),
            {"GCP_SERVICE_ACCOUNT": KEY},
            VERTEX,
        ),
        ("gemini", ModelOptions(), {"GOOGLE_CLOUD_PROJECT": "env"}, ModelOptions()),
    ],
)
def test_options_are_completed_from_the_environment(
    provider: str, options: ModelOptions, environment: dict[str, str], expected: ModelOptions
) -> None:
    assert clouds(environment).completed(AuthConfig(), options, provider) == expected
