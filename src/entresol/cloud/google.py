"""Tokens of Google Cloud: from a service account's key, or from application default credentials.

The order: `gcp_service_account_json`, the metadata server of `gcp_metadata_url`, the key in the variable
`GCP_SERVICE_ACCOUNT`, then Google's own order: the file of `GOOGLE_APPLICATION_CREDENTIALS` (a service account, a
user, a workload identity pool), gcloud's default file, the metadata server.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from entresol.cloud.extras import need
from entresol.cloud.tokens import FetchFailed, Issued, TokenSource, told
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import BearerToken, CredentialSource
from entresol.llm.model_config import AuthConfig
from entresol.llm.provider import parse_url

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_METADATA_PATH: Final = "/computeMetadata/v1"
_TOKEN_HOSTS: Final = ("oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com")
_TIMEOUT_S: Final = 10.0
"""For one answer; the library waits 120 seconds."""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that the key of a service account must have."""

    type: str
    client_email: str
    private_key: str
    token_uri: str
    project_id: str | None = None

    def __repr__(self) -> str:
        return f"_Key({self.client_email})"


class GooglePlan(msgspec.Struct, frozen=True):
    """Where tokens come from. Equal plans share one source."""

    key: Secret | None = None
    """The JSON of a service account; else the environment decides."""
    metadata_url: str | None = None
    token_url: str | None = None


def google_plan(auth: AuthConfig, environment: Mapping[str, str]) -> GooglePlan:
    """What the configuration and the environment come to. Raises ConfigError `cloud_credential_invalid`."""
    for name, url in (("gcp_metadata_url", auth.gcp_metadata_url), ("gcp_oauth_token_url", auth.gcp_oauth_token_url)):
        try:
            parse_url("http://metadata.google.internal" if url is None else url)
        except ValueError as error:
            raise _invalid(f"auth.{name} {error}") from None
    key = auth.gcp_service_account_json
    if key is None and auth.gcp_metadata_url is None and environment.get("GCP_SERVICE_ACCOUNT"):
        key = Secret(environment["GCP_SERVICE_ACCOUNT"], "GCP_SERVICE_ACCOUNT")
    return GooglePlan(key, auth.gcp_metadata_url, auth.gcp_oauth_token_url)


def project_of(plan: GooglePlan, environment: Mapping[str, str]) -> str | None:
    """The project of the environment, or of the service account's key."""
    named = environment.get("GOOGLE_CLOUD_PROJECT")
    if named or plan.key is None or not plan.key.is_resolved:
        return named or None
    return _read(plan.key).project_id


def google_source(plan: GooglePlan, clock: Clock) -> CredentialSource:
    """The source of a plan. Raises ConfigError `extra_missing` or `cloud_credential_invalid`, or `secret_unresolved`
    for a secret without a value."""
    if plan.key is not None:
        _read(plan.key)
    for library in ("google.auth", "requests"):  # which google-auth has as an extra of its own
        need(library, "google", "Vertex AI")
    return TokenSource("Google Cloud", _Fetch(plan).issue, clock)


class _Fetch:
    """Asks Google. Runs in a thread; everything anew each time, so that changed files and variables count."""

    def __init__(self, plan: GooglePlan) -> None:
        self._plan = plan

    def issue(self) -> Issued[BearerToken]:
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        send: Any = _Transport(Request(), self._plan)
        try:
            credentials = self._credentials(send)
            credentials.refresh(send)
            fields: dict[str, str] = {}
            credentials.apply(fields)
        except exceptions.DefaultCredentialsError as error:
            raise FetchFailed(
                "found no default credentials; set auth.gcp_service_account_json, GCP_SERVICE_ACCOUNT or "
                "GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
                told(error),
            ) from None
        except exceptions.GoogleAuthError as error:
            raise FetchFailed(_reason(error), told(error)) from None
        finally:
            send.session.close()
        fields.pop("authorization", None)
        more = tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields.items())
        ends = credentials.expiry  # in UTC, without saying so
        expires_at = ends.replace(tzinfo=UTC).timestamp() if isinstance(ends, datetime) else None
        return Issued(BearerToken(credentials.token or "", more), expires_at)

    def _credentials(self, send: Any) -> Any:
        import google.auth
        from google.auth import compute_engine
        from google.oauth2 import service_account

        scopes = [_SCOPE]
        from_key: Any = service_account.Credentials.from_service_account_info  # untyped, as is the next
        of_metadata: Any = compute_engine.Credentials
        if self._plan.key is not None:
            key = msgspec.json.decode(self._plan.key.reveal())
            try:
                return from_key(key, scopes=scopes)
            except ValueError:  # its words may hold the key
                raise FetchFailed("the private key of the service account cannot be read") from None
        if self._plan.metadata_url is not None:
            return of_metadata(scopes=scopes)
        credentials, _ = google.auth.default(scopes=scopes, request=send)
        return credentials


class _Transport:
    """Sends what the library asks for; requests to Google's own addresses go where the plan says.

    The claims of a signed request are not changed with its address: their audience stays Google's, as behind a private
    endpoint it must.
    """

    def __init__(self, send: Any, plan: GooglePlan) -> None:
        self._send = send
        self.session = send.session
        self._metadata = None if plan.metadata_url is None else _base(plan.metadata_url)
        self._token_url = plan.token_url

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> Any:
        """See google.auth.transport.Request."""
        bound = _TIMEOUT_S if timeout is None else min(timeout, _TIMEOUT_S)
        return self._send(self._url(url), method=method, body=body, headers=headers, timeout=bound, **more)

    def _url(self, url: str) -> str:
        parts = urlsplit(url)
        if self._metadata is not None and parts.path.startswith(_METADATA_PATH):
            query = f"?{parts.query}" if parts.query else ""
            return f"{self._metadata}{parts.path}{query}"
        if self._token_url is not None and parts.hostname in _TOKEN_HOSTS and parts.path.endswith("/token"):
            return self._token_url
        return url


def _base(url: str) -> str:
    """The address of a metadata server, whose paths may be given or not."""
    return url.partition(_METADATA_PATH)[0].rstrip("/")


def _reason(error: Exception) -> str:
    """What Google says is wrong, in one word of RFC 6749 §5.2; its sentences are for the log."""
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(code, str) and code.replace("_", "").isalpha() and len(code) < 40:
        return f"Google answered {code}; check the service account and its key"
    return f"{type(error).__name__}; the log has the details"


def _read(secret: Secret) -> _Key:
    """The key of a service account. Raises ConfigError; its message never holds what the key says."""
    source = "GCP_SERVICE_ACCOUNT" if secret.reference == "GCP_SERVICE_ACCOUNT" else "auth.gcp_service_account_json"
    try:
        key = msgspec.json.decode(secret.reveal(), type=_Key)
    except msgspec.DecodeError:
        raise _invalid(
            f"{source} must be the JSON of a service account's key, with client_email, private_key and token_uri"
        ) from None
    if key.type != "service_account":
        raise _invalid(f"{source} must have the type service_account; others go by GOOGLE_APPLICATION_CREDENTIALS")
    return key


def _invalid(message: str) -> ConfigError:
    return ConfigError("cloud_credential_invalid", message)
