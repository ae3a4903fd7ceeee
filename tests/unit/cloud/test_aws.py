"""Which credentials a Bedrock model's configuration and environment come to. AWS itself: tests/contract/cloud."""

from typing import Any

import pytest

from entresol.cloud.aws import AwsPlan, aws_plan, aws_source, region_of
from entresol.cloud.tokens import TokenSource
from entresol.core.errors import ConfigError
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import BearerToken
from entresol.llm.model_config import AuthConfig, BedrockOptions, ModelOptions
from playbooks.floor import FakeClock
from unit.cloud.missing import hide

REGION = {"AWS_REGION": "eu-central-1"}
KEYS = AuthConfig(aws_access_key_id=Secret("AKIACONFIG"), aws_secret_access_key=Secret("config secret"))
ROLE = ModelOptions(bedrock=BedrockOptions(aws_assume_role_arn="arn:aws:iam::123456789012:role/models"))


def plan(auth: AuthConfig, environment: dict[str, str], options: ModelOptions | None = None) -> AwsPlan:
    made = aws_plan(auth, options or ModelOptions(), environment)
    assert isinstance(made, AwsPlan)
    return made


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({"bedrock": BedrockOptions(aws_region="us-west-2")}, REGION, "us-west-2"),
        ({}, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ({}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"upstream_url": "https://bedrock-runtime.ap-south-1.amazonaws.com"}, REGION, "ap-south-1"),
        ({"upstream_url": "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/x"}, REGION, "us-gov-west-1"),
        ({"upstream_url": "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"}, REGION, "us-east-1"),
        ({"upstream_url": "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"}, REGION, "cn-north-1"),
        ({"upstream_url": "https://bedrock-runtime.us-east-1.amazonaws.com.example.net"}, REGION, "eu-central-1"),
        ({"upstream_url": "https://$(headers.host)/"}, REGION, "eu-central-1"),
        ({}, {}, None),
    ],
)
def test_the_region_is_the_nearest_that_is_named(
    options: dict[str, Any], environment: dict[str, str], expected: str | None
) -> None:
    assert region_of(ModelOptions(**options), environment) == expected


@pytest.mark.parametrize(
    ("auth", "options", "environment", "message"),
    [
        (AuthConfig(), ModelOptions(), {}, "no AWS region: set model.options.bedrock.aws_region or AWS_REGION"),
        (AuthConfig(), ModelOptions(), {"AWS_REGION": "eu/../x"}, "must be a name such as eu-central-1"),
        (AuthConfig(aws_access_key_id=Secret("AKIA")), ModelOptions(), REGION, "must be set together"),
        (AuthConfig(aws_secret_access_key=Secret("x")), ModelOptions(), REGION, "must be set together"),
        (
            AuthConfig(),
            ModelOptions(bedrock=BedrockOptions(aws_sts_endpoint_url="sts.example.com")),
            REGION,
            "aws_sts_endpoint_url must start with https://",
        ),
        (AuthConfig(), ModelOptions(), {**REGION, "AWS_BEARER_TOKEN_BEDROCK": "a b"}, "AWS_BEARER_TOKEN_BEDROCK: "),
    ],
)
def test_what_can_never_work_is_refused_at_load_time(
    auth: AuthConfig, options: ModelOptions, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        aws_plan(auth, options, environment)
    assert caught.value.code == "cloud_credential_invalid"


def test_a_bearer_token_of_the_environment_needs_no_region_and_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    made = aws_plan(AuthConfig(), ModelOptions(), {"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-abc\n"})
    assert isinstance(made, BearerToken)
    assert made.apply("POST", "h", "/", [], b"", 0.0) == [(b"authorization", b"Bearer bedrock-api-key-abc")]


@pytest.mark.parametrize(("auth", "options"), [(KEYS, ModelOptions()), (AuthConfig(), ROLE)])
def test_what_the_configuration_names_wins_over_a_bearer_token(auth: AuthConfig, options: ModelOptions) -> None:
    assert isinstance(aws_plan(auth, options, {**REGION, "AWS_BEARER_TOKEN_BEDROCK": "t"}), AwsPlan)


@pytest.mark.parametrize(
    ("auth", "environment", "key_id", "secrets"),
    [
        (KEYS, {}, "AKIACONFIG", (b"config secret",)),
        (
            KEYS,
            {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
            "AKIACONFIG",
            (b"config secret",),
        ),
        (AuthConfig(), {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}, "AKIAENV", (b"s",)),
        (
            AuthConfig(),
            {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
            "AKIAENV",
            (b"s", b"t"),
        ),
    ],
)
def test_keys_need_no_library_and_no_waiting(
    auth: AuthConfig,
    environment: dict[str, str],
    key_id: str,
    secrets: tuple[bytes, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hide("botocore", monkeypatch)
    environment = {**REGION, **environment}
    credential = aws_source(plan(auth, environment), environment, FakeClock()).current()
    assert credential is not None
    assert credential.secrets == secrets
    fields = dict(credential.apply("POST", "bedrock-runtime.eu-central-1.amazonaws.com", "/", [], b"{}", 0.0))
    scope = f"Credential={key_id}/19700101/eu-central-1/bedrock/aws4_request,"
    assert scope.encode() in fields[b"authorization"]


@pytest.mark.parametrize(
    ("auth", "options", "environment"),
    [
        (AuthConfig(), ModelOptions(), {}),
        (AuthConfig(), ModelOptions(), {"AWS_ACCESS_KEY_ID": "AKIAHALF"}),
        (KEYS, ROLE, {}),
        (AuthConfig(), ROLE, {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}),
    ],
)
def test_everything_else_asks_aws_and_needs_the_library(
    auth: AuthConfig, options: ModelOptions, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**REGION, **environment}
    made = plan(auth, environment, options)
    source = aws_source(made, environment, FakeClock())
    assert isinstance(source, TokenSource)
    assert source.current() is None
    hide("botocore", monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'entresol\[aws\]'") as caught:
        aws_source(made, environment, FakeClock())
    assert caught.value.code == "extra_missing"


def test_a_secret_without_a_value_is_named() -> None:
    auth = AuthConfig(
        aws_access_key_id=Secret("AKIA"),
        aws_secret_access_key=Secret(None, "{vault://env/aws-secret}", ("{vault://env/aws-secret}",)),
    )
    with pytest.raises(ConfigError, match="vault://env/aws-secret") as caught:
        aws_source(plan(auth, REGION), REGION, FakeClock())
    assert caught.value.code == "secret_unresolved"


def test_a_key_that_cannot_stand_in_a_field_is_refused_without_being_shown() -> None:
    auth = AuthConfig(aws_access_key_id=Secret("AKIA\nX: y"), aws_secret_access_key=Secret("x"))
    with pytest.raises(ConfigError, match="access key") as caught:
        aws_source(plan(auth, REGION), REGION, FakeClock())
    assert "AKIA" not in caught.value.message


def test_plans_are_equal_by_what_they_ask_for_and_show_no_secret() -> None:
    assert plan(KEYS, REGION) == plan(KEYS, {"AWS_DEFAULT_REGION": "eu-central-1"})
    assert plan(KEYS, REGION) != plan(AuthConfig(), REGION)
    assert plan(KEYS, REGION) != plan(KEYS, REGION, ROLE)
    assert "config secret" not in repr(plan(KEYS, REGION))
