"""Every way to get credentials of AWS, through botocore, against endpoints that check what they are sent."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from contract.cloud.asking import BODY, HOST, TARGET, credential_of, error_of, fields_of
from contract.cloud.endpoint import serving
from contract.cloud.fake_aws import ISSUED, KEY, KEY_ID, ROLE, Sts, container, instance_metadata
from entresol.cloud.clouds import Clouds
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import CloudCredential
from entresol.llm.model_config import AuthConfig, BedrockOptions, ModelOptions
from entresol.net.clock import SystemClock

REGION = "eu-central-1"
CALLER = AuthConfig(aws_access_key_id=Secret(KEY_ID), aws_secret_access_key=Secret(KEY))
NOBODY = AuthConfig()


def options(**bedrock: Any) -> ModelOptions:
    return ModelOptions(bedrock=BedrockOptions(aws_region=REGION, **bedrock))


def assert_signs_as(credential: CloudCredential, key_id: str, key: str, token: str | None) -> None:
    """Its requests are those that botocore signs with these keys."""
    now = time.time()
    fields = dict(fields_of(credential, now))
    request = AWSRequest(method="POST", url=f"https://{HOST}{TARGET}", data=BODY)
    request.headers["content-type"] = "application/json"
    with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
        SigV4Auth(Credentials(key_id, key, token), "bedrock", REGION).add_auth(request)
    assert fields[b"authorization"].decode() == request.headers["Authorization"]
    assert fields.get(b"x-amz-security-token", b"").decode() == (token or "")
    assert set(credential.secrets) == {part.encode() for part in (key, token) if part is not None}


def test_a_role_is_assumed_with_configured_keys() -> None:
    with serving(Sts(REGION)) as sts:
        given = options(aws_assume_role_arn=ROLE, aws_role_session_name="gateway-1", aws_sts_endpoint_url=sts.url)
        assert_signs_as(credential_of(CALLER, given, "bedrock"), *ISSUED)
    [asked] = sts.asked
    assert asked.form["RoleSessionName"] == "gateway-1"


def test_a_role_is_assumed_with_the_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    with serving(Sts(REGION)) as sts:
        given = options(aws_assume_role_arn=ROLE, aws_sts_endpoint_url=sts.url)
        assert_signs_as(credential_of(NOBODY, given, "bedrock"), *ISSUED)
    assert sts.asked[0].form["RoleSessionName"] == "entresol"


def test_a_pods_web_identity_becomes_a_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("web.identity.token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod-7")
    with serving(Sts(REGION, web_identity="web.identity.token")) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        assert_signs_as(credential_of(NOBODY, options(), "bedrock"), *ISSUED)
    assert [asked.form["RoleSessionName"] for asked in sts.asked] == ["pod-7"]


def test_a_profile_gives_its_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = x\n"
        "[models]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = profile secret\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "models")
    assert_signs_as(credential_of(NOBODY, options(), "bedrock"), "AKIAPROFILE", "profile secret", None)


def test_a_profile_with_a_role_assumes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"[profile base]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n"
        f"[profile models]\nrole_arn = {ROLE}\nsource_profile = base\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "models")
    with serving(Sts(REGION)) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        assert_signs_as(credential_of(NOBODY, options(), "bedrock"), *ISSUED)


def test_an_instance_gives_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with serving(instance_metadata()) as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        assert_signs_as(credential_of(NOBODY, options(), "bedrock"), *ISSUED)
    assert metadata.steps == [
        "PUT /latest/api/token",
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/gateway-role",
    ]


def test_a_container_gives_its_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("pod identity token")
    with serving(container("pod identity token")) as endpoint:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{endpoint.url}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
        assert_signs_as(credential_of(NOBODY, options(), "bedrock"), *ISSUED)
    assert endpoint.steps == ["GET /v1/credentials"]


def test_a_bearer_token_of_the_environment_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-abc")
    source = Clouds(SystemClock(), os.environ).source(NOBODY, options(), "bedrock")
    assert source is not None
    credential = source.current()
    assert credential is not None
    assert (b"authorization", b"Bearer bedrock-api-key-abc") in fields_of(credential, 0.0)


@pytest.mark.parametrize(
    ("auth", "role", "code", "advice"),
    [
        (CALLER, f"{ROLE}-of-others", "AccessDenied", "the role's trust policy must allow this caller"),
        (
            AuthConfig(aws_access_key_id=Secret(KEY_ID), aws_secret_access_key=Secret("wrong secret of the caller")),
            ROLE,
            "SignatureDoesNotMatch",
            "the secret access key is not the access key's",
        ),
        (
            AuthConfig(aws_access_key_id=Secret("AKIAOTHER"), aws_secret_access_key=Secret(KEY)),
            ROLE,
            "InvalidClientTokenId",
            "AWS does not know the access key",
        ),
    ],
)
def test_a_refusal_says_what_to_do_and_leaks_nothing(
    auth: AuthConfig, role: str, code: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Sts(REGION)) as sts:
        error = error_of(auth, options(aws_assume_role_arn=role, aws_sts_endpoint_url=sts.url), "bedrock")
    assert error.message.startswith(f"no credential of AWS: STS answered {code}: {advice}")
    [record] = [record for record in caplog.records if record.name == "entresol.cloud"]
    assert code in record.message
    assert "secret of the caller" not in error.message + caplog.text


def test_a_machine_with_nothing_is_told_what_it_could_have() -> None:
    assert "found neither keys, a profile" in error_of(NOBODY, options(), "bedrock").message


def test_a_profile_that_is_not_there_is_an_error_and_not_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert "ProfileNotFound" in error_of(NOBODY, options(), "bedrock").message


def test_a_role_that_has_ended_when_it_comes_is_not_used() -> None:
    with serving(Sts(REGION, life=timedelta(seconds=-30))) as sts:
        error = error_of(CALLER, options(aws_assume_role_arn=ROLE, aws_sts_endpoint_url=sts.url), "bedrock")
    assert "check the clock" in error.message


def test_an_sts_that_is_not_there_is_asked_for_a_bounded_time() -> None:
    with serving(Sts(REGION)) as sts:
        given = options(aws_assume_role_arn=ROLE, aws_sts_endpoint_url=sts.url)
    assert "EndpointConnectionError" in error_of(CALLER, given, "bedrock").message
