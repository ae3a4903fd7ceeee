"""Which tokens a Vertex model's configuration and environment come to. Google itself: tests/contract/cloud."""

import json
from typing import Any

import pytest

from entresol.cloud.google import GooglePlan, _Transport, google_plan, google_source, project_of
from entresol.cloud.tokens import TokenSource
from entresol.core.errors import ConfigError
from entresol.core.secret import Secret
from entresol.llm.model_config import AuthConfig
from playbooks.floor import FakeClock
from unit.cloud.missing import hide

KEY = {
    "type": "service_account",
    "project_id": "key-project",
    "private_key": "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n",
    "client_email": "models@key-project.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
JSON = json.dumps(KEY)


def test_the_configured_key_wins_over_the_environment() -> None:
    made = google_plan(AuthConfig(gcp_service_account_json=Secret(JSON)), {"GCP_SERVICE_ACCOUNT": "{}"})
    assert made.key is not None
    assert made.key.reveal() == JSON


def test_the_environments_key_is_next() -> None:
    made = google_plan(AuthConfig(), {"GCP_SERVICE_ACCOUNT": JSON})
    assert made.key is not None
    assert made.key.reveal() == JSON


def test_a_configured_metadata_server_wins_over_the_environments_key() -> None:
    auth = AuthConfig(gcp_metadata_url="http://10.0.0.1")
    assert google_plan(auth, {"GCP_SERVICE_ACCOUNT": JSON}) == GooglePlan(None, "http://10.0.0.1", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be the JSON of a service account's key"),
        ("[]", "must be the JSON of a service account's key"),
        (json.dumps({**KEY, "private_key": 5}), "must be the JSON of a service account's key"),
        (
            json.dumps({name: KEY[name] for name in KEY if name != "token_uri"}),
            "client_email, private_key and token_uri",
        ),
        (json.dumps({**KEY, "type": "authorized_user"}), "must have the type service_account"),
    ],
)
def test_a_key_that_is_none_is_refused_at_load_time_without_being_shown(text: str, message: str) -> None:
    for auth, environment, name in (
        (AuthConfig(gcp_service_account_json=Secret(text)), {}, "auth.gcp_service_account_json"),
        (AuthConfig(), {"GCP_SERVICE_ACCOUNT": text}, "GCP_SERVICE_ACCOUNT"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            google_source(google_plan(auth, environment), FakeClock())
        assert caught.value.code == "cloud_credential_invalid"
        assert caught.value.message.startswith(name)
        assert "hidden" not in caught.value.message


@pytest.mark.parametrize("field", ["gcp_metadata_url", "gcp_oauth_token_url"])
@pytest.mark.parametrize("url", ["metadata.example.com", "ftp://x/", "http://", "http://a:b@c/", "http://[x"])
def test_addresses_must_be_addresses(field: str, url: str) -> None:
    auth: dict[str, Any] = {field: url}
    with pytest.raises(ConfigError, match=f"auth.{field}") as caught:
        google_plan(AuthConfig(**auth), {})
    assert caught.value.code == "cloud_credential_invalid"


@pytest.mark.parametrize("library", ["google.auth", "requests"])
def test_asking_google_needs_the_library(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = google_source(GooglePlan(), FakeClock())
    assert isinstance(source, TokenSource)
    assert source.current() is None
    hide(library, monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'entresol\[google\]'") as caught:
        google_source(GooglePlan(), FakeClock())
    assert caught.value.code == "extra_missing"


@pytest.mark.parametrize(
    ("key", "environment", "expected"),
    [
        (JSON, {"GOOGLE_CLOUD_PROJECT": "named"}, "named"),
        (JSON, {}, "key-project"),
        (None, {}, None),
        (None, {"GOOGLE_CLOUD_PROJECT": ""}, None),
    ],
)
def test_the_project_is_the_environments_or_the_keys(
    key: str | None, environment: dict[str, str], expected: str | None
) -> None:
    assert project_of(GooglePlan(None if key is None else Secret(key)), environment) == expected


def test_a_key_without_a_value_names_no_project() -> None:
    assert project_of(GooglePlan(Secret(None, missing=("x",))), {}) is None


@pytest.mark.parametrize(
    ("configured", "asked", "sent"),
    [
        (
            {"metadata_url": "http://10.0.0.1:8080"},
            "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token?scopes=x",
            "http://10.0.0.1:8080/computeMetadata/v1/instance/service-accounts/default/token?scopes=x",
        ),
        (
            {"metadata_url": "http://10.0.0.1/meta/computeMetadata/v1/instance/service-accounts/default/token"},
            "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
            "http://10.0.0.1/meta/computeMetadata/v1/instance/service-accounts/default/token",
        ),
        (
            {"token_url": "https://oauth.internal/t"},
            "https://oauth2.googleapis.com/token",
            "https://oauth.internal/t",
        ),
        (
            {"token_url": "https://oauth.internal/t"},
            "https://www.googleapis.com/oauth2/v4/token",
            "https://oauth.internal/t",
        ),
        (
            {"token_url": "https://oauth.internal/t"},
            "https://tokens.example.com/token",
            "https://tokens.example.com/token",
        ),
        ({}, "https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com/token"),
    ],
)
def test_requests_to_google_go_where_the_configuration_says(configured: dict[str, Any], asked: str, sent: str) -> None:
    class Sender:
        session = None
        urls: list[str] = []
        timeouts: list[float] = []

        def __call__(self, url: str, *, timeout: float, **_: object) -> None:
            self.urls.append(url)
            self.timeouts.append(timeout)

    sender = Sender()
    transport = _Transport(sender, GooglePlan(**configured))
    for timeout in (None, 3.0, 120.0):
        transport(asked, timeout=timeout)
    assert sender.urls == [sent] * 3
    assert sender.timeouts == [10.0, 3.0, 10.0]
