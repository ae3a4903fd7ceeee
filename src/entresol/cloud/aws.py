"""Credentials of AWS: keys and tokens from the configuration and the environment, everything else through botocore.

The order is AWS's own: what the configuration says, `AWS_BEARER_TOKEN_BEDROCK`, keys in the environment, then
botocore's chain: the shared profile (also one with a role, SSO or a process), web identity (IRSA), the container's
endpoint (ECS, EKS Pod Identity), the instance's metadata (IMDSv2). With `aws_assume_role_arn` they all only serve to
assume that role.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from entresol.cloud.extras import need
from entresol.cloud.fixed import FixedSource
from entresol.cloud.tokens import FetchFailed, Issued, TokenSource, told
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import BearerToken, CredentialSource
from entresol.llm.model_config import AuthConfig, BedrockOptions, ModelOptions
from entresol.llm.provider import parse_url
from entresol.llm.sigv4 import AwsKeys, AwsSignature

_SERVICE: Final = "bedrock"
"""What requests to `bedrock-runtime` are signed for."""
_REGION_IN_HOST: Final = re.compile(
    r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$"
)
_REGION: Final = re.compile(r"[a-z]{2}[a-z0-9-]*-[0-9]+")
_SESSION_NAME: Final = "entresol"
_METADATA: Final = {"metadata_service_timeout": 2, "metadata_service_num_attempts": 2}
_STS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}
_ADVICE: Final = {
    "AccessDenied": "the role's trust policy must allow this caller, and the caller's policy sts:AssumeRole",
    "ExpiredToken": "the credentials that the role is assumed with have ended",
    "ExpiredTokenException": "the web identity token has ended; check that the token file is renewed",
    "InvalidClientTokenId": "AWS does not know the access key",
    "InvalidIdentityToken": "AWS does not trust the web identity token; check the role's identity provider",
    "SignatureDoesNotMatch": "the secret access key is not the access key's",
}


class AwsPlan(msgspec.Struct, frozen=True):
    """Where keys come from, and what is signed with them. Equal plans share one source."""

    region: str
    key_id: Secret | None = None
    key: Secret | None = None
    """Of the configuration; else botocore's chain."""
    role: str | None = None
    session_name: str = _SESSION_NAME
    sts_url: str | None = None

    def __repr__(self) -> str:
        return f"AwsPlan({self.region}, role={self.role})"


def region_of(options: ModelOptions, environment: Mapping[str, str]) -> str | None:
    """The region of a model: as configured, of the address, of the environment."""
    bedrock = options.bedrock
    if bedrock is not None and bedrock.aws_region:
        return bedrock.aws_region
    found = _REGION_IN_HOST.search(_host(options.upstream_url or ""))
    if found is not None:
        return found[1]
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None


def aws_plan(auth: AuthConfig, options: ModelOptions, environment: Mapping[str, str]) -> AwsPlan | BearerToken:
    """What the configuration and the environment come to. Raises ConfigError `cloud_credential_invalid`."""
    bedrock = BedrockOptions() if options.bedrock is None else options.bedrock
    if (auth.aws_access_key_id is None) != (auth.aws_secret_access_key is None):
        raise _invalid("auth.aws_access_key_id and auth.aws_secret_access_key must be set together")
    if bedrock.aws_sts_endpoint_url is not None and not _host(bedrock.aws_sts_endpoint_url):
        raise _invalid("bedrock.aws_sts_endpoint_url must start with https:// or http:// and name a host")
    bearer = environment.get("AWS_BEARER_TOKEN_BEDROCK")
    if bearer and auth.aws_access_key_id is None and bedrock.aws_assume_role_arn is None:
        try:
            return BearerToken(bearer.strip())
        except ValueError as error:
            raise _invalid(f"AWS_BEARER_TOKEN_BEDROCK: {error}") from None
    region = region_of(options, environment)
    if region is None:
        raise _invalid("no AWS region: set model.options.bedrock.aws_region or AWS_REGION")
    if not _REGION.fullmatch(region):
        raise _invalid("the AWS region must be a name such as eu-central-1")
    return AwsPlan(
        region=region,
        key_id=auth.aws_access_key_id,
        key=auth.aws_secret_access_key,
        role=bedrock.aws_assume_role_arn,
        session_name=bedrock.aws_role_session_name or _SESSION_NAME,
        sts_url=bedrock.aws_sts_endpoint_url,
    )


def aws_source(plan: AwsPlan, environment: Mapping[str, str], clock: Clock) -> CredentialSource:
    """The source of a plan. Raises ConfigError `extra_missing`, or `secret_unresolved` for a secret without a value."""
    keys: AwsKeys | None = None
    if plan.key_id is not None and plan.key is not None:
        keys = _keys(plan.key_id.reveal(), plan.key.reveal(), None)
    elif plan.role is None and environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        token = environment.get("AWS_SESSION_TOKEN") or None
        keys = _keys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], token)
    if keys is not None and plan.role is None:
        return FixedSource(AwsSignature(keys, plan.region, _SERVICE))
    need("botocore", "aws", "bedrock without AWS keys" if plan.role is None else "bedrock.aws_assume_role_arn")
    return TokenSource("AWS", _Fetch(plan, keys).issue, clock)


class _Fetch:
    """Asks AWS. Runs in a thread; a new session each time, so that changed files and variables count."""

    def __init__(self, plan: AwsPlan, keys: AwsKeys | None) -> None:
        self._plan = plan
        self._keys = keys

    def issue(self) -> Issued[AwsSignature]:
        from botocore.exceptions import BotoCoreError, ClientError

        secrets = () if self._keys is None else (self._keys.secret_access_key,)
        try:
            keys, expires_at = self._from_chain() if self._plan.role is None else self._from_role(self._plan.role)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            code = code if code.isalnum() and len(code) < 64 else "no code"
            advice = _ADVICE.get(code, "the log has AWS's words")
            raise FetchFailed(f"STS answered {code}: {advice}", told(error, secrets)) from None
        except BotoCoreError as error:
            raise FetchFailed(f"{type(error).__name__}; the log has the details", told(error, secrets)) from None
        return Issued(AwsSignature(keys, self._plan.region, _SERVICE), expires_at)

    def _session(self) -> Any:
        from botocore.session import Session

        session = Session()
        session.set_config_variable("region", self._plan.region)
        for name, value in _METADATA.items():
            session.set_config_variable(name, value)
        return session

    def _from_chain(self) -> tuple[AwsKeys, float | None]:
        credentials = self._session().get_credentials()
        if credentials is None:
            raise FetchFailed(
                "found neither keys, a profile, a web identity, a container's nor an instance's role; set "
                "auth.aws_access_key_id and auth.aws_secret_access_key, or give this machine a role"
            )
        frozen = credentials.get_frozen_credentials()
        ends = getattr(credentials, "_expiry_time", None)  # botocore keeps it to itself; keys that stay have none
        expires_at = ends.timestamp() if isinstance(ends, datetime) else None
        return _keys(frozen.access_key, frozen.secret_key, frozen.token), expires_at

    def _from_role(self, role: str) -> tuple[AwsKeys, float | None]:
        from botocore.config import Config

        given: dict[str, Any] = {}
        if self._keys is not None:
            given["aws_access_key_id"] = self._keys.access_key_id
            given["aws_secret_access_key"] = self._keys.secret_access_key
        plan = self._plan
        client = self._session().create_client("sts", endpoint_url=plan.sts_url, config=Config(**_STS), **given)
        try:
            answer = client.assume_role(RoleArn=role, RoleSessionName=plan.session_name)
        finally:
            client.close()
        issued = answer["Credentials"]
        keys = _keys(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        return keys, issued["Expiration"].timestamp()


def _keys(key_id: str, key: str, token: str | None) -> AwsKeys:
    """Raises ConfigError for what cannot stand in a header field, so that no call is the first to find out."""
    for text in (key_id, token or "x"):
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise _invalid("the AWS access key or session token holds what cannot stand in a header field")
    return AwsKeys(key_id, key, token)


def _host(url: str) -> str:
    """Empty for what is no address, such as one with placeholders."""
    try:
        return parse_url(url).host
    except ValueError:
        return ""


def _invalid(message: str) -> ConfigError:
    return ConfigError("cloud_credential_invalid", message)
