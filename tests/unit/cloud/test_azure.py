"""Which tokens an Azure model's configuration and environment come to. Entra ID itself: tests/contract/cloud."""

import pytest

from entresol.cloud.azure import AzurePlan, azure_plan, azure_source
from entresol.cloud.tokens import TokenSource
from entresol.core.errors import ConfigError
from entresol.core.secret import Secret
from entresol.llm.model_config import AuthConfig
from playbooks.floor import FakeClock
from unit.cloud.missing import hide

SECRET = Secret("of the configuration")
ALL = {"AZURE_CLIENT_ID": "env-id", "AZURE_CLIENT_SECRET": "env-secret", "AZURE_TENANT_ID": "env-tenant"}


@pytest.mark.parametrize(
    ("auth", "environment", "expected"),
    [
        (AuthConfig(), {}, ()),
        (AuthConfig(), {"AZURE_CLIENT_ID": "env-id"}, ()),
        (AuthConfig(azure_client_id="id"), {}, ("id",)),
        (AuthConfig(azure_client_id="id", azure_tenant_id="t"), ALL, ("id",)),
        (
            AuthConfig(azure_client_id="id", azure_client_secret=SECRET, azure_tenant_id="t"),
            ALL,
            ("id", "of the configuration", "t"),
        ),
        (AuthConfig(azure_client_secret=SECRET), ALL, ("env-id", "of the configuration", "env-tenant")),
        (AuthConfig(), ALL, ("env-id", "env-secret", "env-tenant")),
        (AuthConfig(azure_tenant_id="t"), ALL, ("env-id", "env-secret", "t")),
    ],
)
def test_each_value_is_the_configurations_or_the_environments(
    auth: AuthConfig, environment: dict[str, str], expected: tuple[str, ...]
) -> None:
    made = azure_plan(auth, environment)
    secret = None if made.client_secret is None else made.client_secret.reveal()
    assert tuple(value for value in (made.client_id, secret, made.tenant_id) if value is not None) == expected


@pytest.mark.parametrize(
    ("auth", "environment"),
    [
        (AuthConfig(azure_client_secret=SECRET), {}),
        (AuthConfig(azure_client_secret=SECRET, azure_client_id="id"), {}),
        (AuthConfig(azure_client_secret=SECRET, azure_tenant_id="t"), {}),
        (AuthConfig(), {"AZURE_CLIENT_SECRET": "s", "AZURE_CLIENT_ID": "id"}),
    ],
)
def test_a_secret_without_its_client_or_tenant_is_refused(auth: AuthConfig, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"needs auth\.azure_client_id and") as caught:
        azure_plan(auth, environment)
    assert caught.value.code == "cloud_credential_invalid"


def test_asking_azure_needs_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    source = azure_source(AzurePlan(), {}, FakeClock())
    assert isinstance(source, TokenSource)
    assert source.current() is None
    hide("azure.identity", monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'entresol\[azure\]'") as caught:
        azure_source(AzurePlan(), {}, FakeClock())
    assert caught.value.code == "extra_missing"


def test_a_secret_without_a_value_is_named() -> None:
    plan = azure_plan(AuthConfig(azure_client_secret=Secret(None, missing=("{vault://env/azure}",))), ALL)
    with pytest.raises(ConfigError, match="vault://env/azure") as caught:
        azure_source(plan, {}, FakeClock())
    assert caught.value.code == "secret_unresolved"
