"""A gateway that logs everything logs no credential, though the clouds' libraries would."""

import os
import subprocess
import sys
from pathlib import Path

from contract.cloud.endpoint import serving
from contract.cloud.fake_aws import ISSUED, KEY, Sts
from contract.cloud.fake_google import TOKEN, TokenEndpoint, key_file

TESTS = str(Path(__file__).resolve().parents[2])
WORKER = """
import sys
from contract.cloud.asking import credential_of
from contract.cloud.fake_aws import KEY_ID, ROLE
from entresol.core.secret import Secret
from entresol.llm.model_config import AuthConfig, BedrockOptions, GeminiOptions, ModelOptions
from entresol.telemetry.node_log import log_to_stderr

log_to_stderr("debug")
provider, address, secret = sys.argv[1:]
if provider == "bedrock":
    auth = AuthConfig(aws_access_key_id=Secret(KEY_ID), aws_secret_access_key=Secret(secret))
    bedrock = BedrockOptions(aws_region="eu-central-1", aws_assume_role_arn=ROLE, aws_sts_endpoint_url=address)
    options = ModelOptions(bedrock=bedrock)
else:
    auth = AuthConfig(gcp_use_service_account=True, gcp_service_account_json=Secret(secret))
    options = ModelOptions(gemini=GeminiOptions(project_id="p", location_id="l"))
print(type(credential_of(auth, options, provider)).__name__)
"""


def logged(provider: str, address: str, secret: str) -> str:
    """What a worker that gets a credential writes to its log."""
    paths = os.pathsep.join(path for path in (os.environ.get("PYTHONPATH"), TESTS) if path)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, provider, address, secret],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout in ("AwsSignature\n", "BearerToken\n")
    return done.stderr


def test_aws() -> None:
    with serving(Sts("eu-central-1")) as sts:
        log = logged("bedrock", sts.url, KEY)
    assert [secret for secret in (KEY, *ISSUED[1:]) if secret in log] == []


def test_google() -> None:
    with serving(TokenEndpoint()) as google:
        log = logged("vertex", google.url, key_file(f"{google.url}/token"))
    [asked] = google.asked
    assert [secret for secret in (TOKEN, asked.form["assertion"], "PRIVATE KEY") if secret in log] == []
