"""Every way to get tokens of Azure, through azure-identity, against endpoints that check what they are sent."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from contract.cloud.asking import credential_of, error_of, fields_of
from contract.cloud.endpoint import Endpoint, serving
from contract.cloud.fake_azure import CLIENT, SECRET, TENANT, TOKEN, Entra, app_service, instance_metadata
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import CloudCredential
from entresol.llm.model_config import AuthConfig, ModelOptions

OPTIONS = ModelOptions(azure_instance="resource", azure_deployment_id="gpt")
CLIENT_SECRET = AuthConfig(
    azure_use_managed_identity=True,
    azure_client_id=CLIENT,
    azure_client_secret=Secret(SECRET),
    azure_tenant_id=TENANT,
)
MACHINE = AuthConfig(azure_use_managed_identity=True)


@contextmanager
def authority(entra: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Endpoint]:
    """Entra ID on this machine, over TLS, because the library takes nothing else."""
    issuer = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("localhost").configure_cert(context)
    file = tmp_path / "ca.pem"
    issuer.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    with serving(entra, context) as endpoint:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", endpoint.url)
        yield endpoint


def assert_is_the_token(credential: CloudCredential) -> None:
    fields = fields_of(credential, time.time())
    assert fields == [(b"content-type", b"application/json"), (b"authorization", f"Bearer {TOKEN}".encode())]
    assert credential.secrets == (TOKEN.encode(),)


def test_a_clients_secret_gets_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with authority(Entra(), monkeypatch, tmp_path) as entra:
        assert_is_the_token(credential_of(CLIENT_SECRET, OPTIONS, "azure"))
    assert entra.steps[-1] == f"POST /{TENANT}/oauth2/v2.0/token"


def test_the_client_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    with authority(Entra(), monkeypatch, tmp_path):
        assert_is_the_token(credential_of(MACHINE, OPTIONS, "azure"))


def test_a_pods_token_is_exchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("token.of.kubernetes")
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    with authority(Entra(assertion="token.of.kubernetes"), monkeypatch, tmp_path):
        assert_is_the_token(credential_of(MACHINE, OPTIONS, "azure"))


@pytest.mark.parametrize("client_id", [None, CLIENT])
def test_a_machine_has_an_identity(client_id: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = AuthConfig(azure_use_managed_identity=True, azure_client_id=client_id)
    with serving(instance_metadata(client_id)) as metadata:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
        assert_is_the_token(credential_of(auth, OPTIONS, "azure"))


def test_an_app_service_has_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(app_service("header-of-the-service")) as service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header-of-the-service")
        assert_is_the_token(credential_of(MACHINE, OPTIONS, "azure"))


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({"azure_client_secret": Secret("another~secret.of-nobody")}, "AADSTS7000215: the client secret is wrong"),
        ({"azure_client_id": TENANT}, "AADSTS700016: the tenant does not know the client id"),
    ],
)
def test_a_refusal_says_what_to_do_and_leaks_nothing(
    auth: dict[str, Secret | str],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {"azure_client_id": CLIENT, "azure_client_secret": Secret(SECRET), "azure_tenant_id": TENANT, **auth}
    with authority(Entra(), monkeypatch, tmp_path):
        error = error_of(AuthConfig(azure_use_managed_identity=True, **given), OPTIONS, "azure")  # type: ignore[arg-type]
    assert error.message == f"no credential of Azure: Entra ID answered {code}"
    assert "secret.of" not in caplog.text


def test_a_tenant_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    auth = AuthConfig(azure_client_id=CLIENT, azure_client_secret=Secret(SECRET), azure_tenant_id="nobody.example")
    with authority(Entra(), monkeypatch, tmp_path):
        error = error_of(auth, OPTIONS, "azure")
    assert error.message.startswith("no credential of Azure: ")


def test_an_identity_that_the_machine_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = AuthConfig(azure_use_managed_identity=True, azure_client_id=TENANT)
    with serving(instance_metadata(CLIENT)) as metadata:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
        error = error_of(auth, OPTIONS, "azure")
    assert error.message.startswith("no credential of Azure: found no managed identity")
