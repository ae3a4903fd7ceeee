"""Every way to get tokens of Google Cloud, through google-auth, against endpoints that check what they are sent."""

import json
import time
from pathlib import Path

import pytest

from contract.cloud.asking import credential_of, error_of, fields_of
from contract.cloud.endpoint import serving
from contract.cloud.fake_google import (
    AUDIENCE,
    OTHER_PRIVATE,
    TOKEN,
    TokenEndpoint,
    key_file,
    metadata_server,
    security_token_service,
)
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import CloudCredential
from entresol.llm.model_config import AuthConfig, GeminiOptions, ModelOptions

VERTEX = ModelOptions(gemini=GeminiOptions(project_id="project-1", location_id="europe-west1"))
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/kubernetes"
BEARER = (b"authorization", f"Bearer {TOKEN}".encode())


def using(**auth: str) -> AuthConfig:
    secret = auth.pop("gcp_service_account_json", None)
    return AuthConfig(
        gcp_use_service_account=True,
        gcp_service_account_json=None if secret is None else Secret(secret),
        gcp_metadata_url=auth.get("gcp_metadata_url"),
        gcp_oauth_token_url=auth.get("gcp_oauth_token_url"),
    )


def assert_is_the_token(credential: CloudCredential) -> None:
    assert fields_of(credential, time.time()) == [(b"content-type", b"application/json"), BEARER]
    assert credential.secrets == (TOKEN.encode(),)


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_the_configured_key_of_a_service_account_signs_for_a_token(provider: str) -> None:
    with serving(TokenEndpoint()) as google:
        auth = using(gcp_service_account_json=key_file(f"{google.url}/token"))
        assert_is_the_token(credential_of(auth, VERTEX, provider))
    assert google.steps == ["POST /token"]


def test_the_environments_key_signs_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(TokenEndpoint()) as google:
        monkeypatch.setenv("GCP_SERVICE_ACCOUNT", key_file(f"{google.url}/token"))
        assert_is_the_token(credential_of(using(), VERTEX, "gemini"))


def test_the_token_endpoint_may_be_elsewhere_than_the_key_says() -> None:
    with serving(TokenEndpoint()) as google:
        auth = using(gcp_service_account_json=key_file(AUDIENCE), gcp_oauth_token_url=f"{google.url}/token")
        assert_is_the_token(credential_of(auth, VERTEX, "gemini"))


def test_the_file_of_the_application_default_credentials_may_hold_a_service_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(TokenEndpoint()) as google:
        file = tmp_path / "key.json"
        file.write_text(key_file(f"{google.url}/token"))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert_is_the_token(credential_of(using(), VERTEX, "gemini"))


def test_a_users_refresh_token_gets_a_token_and_names_who_pays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "gcloud"
    folder.mkdir()
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder))
    monkeypatch.setenv("PATH", str(folder))  # the library runs gcloud to learn the project, which nobody asked for
    (folder / "application_default_credentials.json").write_text(
        json.dumps(
            {
                "type": "authorized_user",
                "client_id": "user-client",
                "client_secret": "user-secret",
                "refresh_token": "1//refresh",
                "quota_project_id": "payer-1",
            }
        )
    )
    with serving(TokenEndpoint()) as google:
        credential = credential_of(using(gcp_oauth_token_url=f"{google.url}/token"), VERTEX, "gemini")
    fields = fields_of(credential, time.time())
    assert fields[1:] == [(b"x-goog-user-project", b"payer-1"), BEARER]


def test_a_workload_identity_pool_exchanges_the_tokens_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subject = tmp_path / "subject"
    subject.write_text("token.of.kubernetes")
    file = tmp_path / "pool.json"
    with serving(security_token_service(POOL, "token.of.kubernetes")) as google:
        file.write_text(
            json.dumps(
                {
                    "type": "external_account",
                    "audience": POOL,
                    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                    "token_url": f"{google.url}/v1/token",
                    "credential_source": {"file": str(subject)},
                }
            )
        )
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "project-1")
        assert_is_the_token(credential_of(using(), VERTEX, "gemini"))


@pytest.mark.parametrize("path", ["", "/computeMetadata/v1/"])
def test_the_metadata_server_gives_a_token(path: str) -> None:
    with serving(metadata_server) as google:
        assert_is_the_token(credential_of(using(gcp_metadata_url=f"{google.url}{path}"), VERTEX, "gemini"))
    assert google.steps[-1] == "GET /computeMetadata/v1/instance/service-accounts/default/token"


def test_a_refusal_says_what_to_do_and_leaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with serving(TokenEndpoint()) as google:
        auth = using(gcp_service_account_json=key_file(f"{google.url}/token", OTHER_PRIVATE))
        error = error_of(auth, VERTEX, "gemini")
    assert (
        error.message
        == "no credential of Google Cloud: Google answered invalid_grant; check the service account and its key"
    )
    [record] = [record for record in caplog.records if record.name == "entresol.cloud"]
    assert "Invalid JWT Signature" in record.message
    assert "PRIVATE KEY" not in caplog.text
    assert google.asked[0].form["assertion"] not in caplog.text


def test_a_key_that_is_damaged_is_said_without_being_shown(caplog: pytest.LogCaptureFixture) -> None:
    damaged = key_file("http://127.0.0.1:9/token", private_key="-----BEGIN PRIVATE KEY-----\nMIIdamaged\n")
    error = error_of(using(gcp_service_account_json=damaged), VERTEX, "gemini")
    assert error.message == "no credential of Google Cloud: the private key of the service account cannot be read"
    assert "MIIdamaged" not in caplog.text


def test_a_file_that_is_not_there_is_an_error_and_not_another_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    assert "found no default credentials" in error_of(using(), VERTEX, "gemini").message
