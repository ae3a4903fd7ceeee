"""Tokens of Microsoft Entra ID: a client's secret, a workload's identity, or a managed identity.

Each value comes from the configuration, else from the variable that Azure's own libraries read: `AZURE_CLIENT_ID`,
`AZURE_CLIENT_SECRET`, `AZURE_TENANT_ID`. A client id in the configuration without a secret beside it names a
user-assigned managed identity; then the variables' secret, which is another client's, is left alone.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from entresol.cloud.extras import need
from entresol.cloud.tokens import FetchFailed, Issued, TokenSource, told
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import BearerToken, CredentialSource
from entresol.llm.model_config import AuthConfig

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
_PATIENT: Final[dict[str, Any]] = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 2, "retry_status": 2}
"""Fewer attempts than the library makes, which are more than a minute: calls are waiting."""
_ENTRA_CODE: Final = re.compile(r"AADSTS\d+")
_ADVICE: Final = {
    "AADSTS7000215": "the client secret is wrong",
    "AADSTS7000222": "the client secret has expired",
    "AADSTS700016": "the tenant does not know the client id",
    "AADSTS90002": "there is no such tenant",
}


class AzurePlan(msgspec.Struct, frozen=True):
    """Where tokens come from. Equal plans share one source."""

    client_id: str | None = None
    client_secret: Secret | None = None
    """With a tenant: client credentials (RFC 6749 §4.4). None: the identity of the machine."""
    tenant_id: str | None = None


def azure_plan(auth: AuthConfig, environment: Mapping[str, str]) -> AzurePlan:
    """What the configuration and the environment come to. Raises ConfigError `cloud_credential_invalid`."""
    client_id, secret, tenant = auth.azure_client_id, auth.azure_client_secret, auth.azure_tenant_id
    if client_id is not None and secret is None:
        return AzurePlan(client_id=client_id)
    if secret is None and environment.get("AZURE_CLIENT_SECRET"):
        secret = Secret(environment["AZURE_CLIENT_SECRET"], "AZURE_CLIENT_SECRET")
    if secret is None:
        return AzurePlan()
    client_id = client_id or environment.get("AZURE_CLIENT_ID")
    tenant = tenant or environment.get("AZURE_TENANT_ID")
    if not client_id or not tenant:
        raise ConfigError(
            "cloud_credential_invalid",
            "an Azure client secret needs auth.azure_client_id and auth.azure_tenant_id, or AZURE_CLIENT_ID and "
            "AZURE_TENANT_ID",
        )
    return AzurePlan(client_id, secret, tenant)


def azure_source(plan: AzurePlan, environment: Mapping[str, str], clock: Clock) -> CredentialSource:
    """The source of a plan. Raises ConfigError `extra_missing`, or `secret_unresolved` for a secret without a value."""
    secret = None if plan.client_secret is None else plan.client_secret.reveal()
    need("azure.identity", "azure", "an Azure identity")
    is_known = not environment.get("AZURE_AUTHORITY_HOST")
    return TokenSource("Azure", _Fetch(plan, secret, is_known).issue, clock)


class _Fetch:
    """Asks Entra ID or the machine. Runs in a thread; a new client each time, as it keeps tokens of its own."""

    def __init__(self, plan: AzurePlan, secret: str | None, is_known: bool) -> None:
        self._plan = plan
        self._secret = secret
        self._is_known = is_known

    def issue(self) -> Issued[BearerToken]:
        from azure.core.exceptions import AzureError
        from azure.identity import CredentialUnavailableError

        try:
            credential = self._credential()
            try:
                token = credential.get_token_info(SCOPE)
            finally:
                credential.close()
        except CredentialUnavailableError as error:
            advice = "found no managed identity; assign one to this machine, or set auth.azure_client_secret"
            raise FetchFailed(advice, self._told(error)) from None
        except AzureError as error:
            raise FetchFailed(_reason(error), self._told(error)) from None
        except ValueError as error:  # a tenant or an authority that cannot be one
            raise FetchFailed("the tenant or the authority is not known", self._told(error)) from None
        return Issued(BearerToken(token.token), float(token.expires_on))

    def _credential(self) -> Any:
        plan = self._plan
        if self._secret is not None and plan.client_id is not None and plan.tenant_id is not None:
            from azure.identity import ClientSecretCredential

            return ClientSecretCredential(
                plan.tenant_id,
                plan.client_id,
                self._secret,
                # An authority of one's own is not Microsoft's to confirm, and often cannot reach it.
                disable_instance_discovery=not self._is_known,
                **_PATIENT,
            )
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=plan.client_id, **_PATIENT)

    def _told(self, error: Exception) -> str:
        return told(error, () if self._secret is None else (self._secret,))


def _reason(error: Exception) -> str:
    """What Entra ID says is wrong, as its code; its sentences are for the log."""
    found = _ENTRA_CODE.search(str(error))
    if found is None:
        return f"{type(error).__name__}; the log has the details"
    code = found[0]
    return f"Entra ID answered {code}: {_ADVICE.get(code, 'the log has its words')}"
