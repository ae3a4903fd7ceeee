"""STS, an instance's metadata and a container's endpoint, as strict as the real ones.

Sources: the STS API Reference (AssumeRole, AssumeRoleWithWebIdentity), "Use the Instance Metadata Service" in the EC2
User Guide, "Container credential provider" in the AWS SDKs and Tools Reference Guide.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.sax.saxutils import escape

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from contract.cloud.endpoint import Answer, Asked, Refused, json_answer

ROLE: Final = "arn:aws:iam::123456789012:role/models"
KEY_ID: Final = "AKIABASE"
KEY: Final = "base secret of the caller"
ISSUED: Final = ("ASIAISSUED", "issued secret", "issued/session+token==")
_VERSION: Final = "2011-06-15"


def _xml_error(status: int, code: str, message: str) -> Refused:
    body = (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/{_VERSION}/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )
    return Refused(Answer(status, body.encode(), {"Content-Type": "text/xml"}))


def _credentials(life: timedelta) -> str:
    ends = (datetime.now(UTC) + life).strftime("%Y-%m-%dT%H:%M:%SZ")
    key_id, key, token = ISSUED
    return (
        f"<Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{key}</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{ends}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/models/x</Arn>"
        f"<AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>"
    )


def _issued(action: str, life: timedelta) -> Answer:
    body = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/{_VERSION}/"><{action}Result>{_credentials(life)}'
        f"</{action}Result><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


class Sts:
    """The Security Token Service. It knows one caller, one role, and one web identity."""

    def __init__(self, region: str, web_identity: str = "", life: timedelta = timedelta(hours=1)) -> None:
        self.region = region
        self.web_identity = web_identity
        self.life = life

    def __call__(self, asked: Asked) -> Answer:
        form = asked.form
        if (asked.method, asked.path, form.get("Version")) != ("POST", "/", _VERSION):
            raise _xml_error(400, "InvalidAction", "Could not find operation")
        if form.get("Action") == "AssumeRole":
            return self._assume_role(asked, form)
        if form.get("Action") == "AssumeRoleWithWebIdentity":
            return self._assume_role_with_web_identity(asked, form)
        raise _xml_error(400, "InvalidAction", "Could not find operation")

    def _assume_role(self, asked: Asked, form: dict[str, str]) -> Answer:
        if f"Credential={KEY_ID}/" not in asked.headers.get("authorization", ""):
            raise _xml_error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        if not is_signed(asked, Credentials(KEY_ID, KEY), self.region, "sts"):
            raise _xml_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        self._check_session_name(form)
        if form.get("RoleArn") != ROLE:
            message = (
                f"User: arn:aws:iam::123456789012:user/gateway is not authorized to perform: sts:AssumeRole on {form}"
            )
            raise _xml_error(403, "AccessDenied", message)
        return _issued("AssumeRole", self.life)

    def _assume_role_with_web_identity(self, asked: Asked, form: dict[str, str]) -> Answer:
        self._check_session_name(form)
        if "authorization" in asked.headers:
            raise _xml_error(400, "IncompleteSignature", "this call is not signed")
        if not self.web_identity or form.get("WebIdentityToken") != self.web_identity:
            raise _xml_error(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account")
        if form.get("RoleArn") != ROLE:
            raise _xml_error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        return _issued("AssumeRoleWithWebIdentity", self.life)

    @staticmethod
    def _check_session_name(form: dict[str, str]) -> None:
        if not 2 <= len(form.get("RoleSessionName", "")) <= 64:
            raise _xml_error(400, "ValidationError", "roleSessionName failed to satisfy constraint")


def is_signed(asked: Asked, keys: Credentials, region: str, service: str) -> bool:
    """Whether the signature is what botocore makes of the request as it came, and covers what it must."""
    given = asked.headers.get("authorization", "")
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    must = {"host", "content-type", *(name for name in asked.headers if name.startswith("x-amz-"))}
    if not must <= set(names) <= set(asked.headers):
        return False
    request = AWSRequest(method=asked.method, url=f"http://{asked.headers['host']}{asked.target}", data=asked.body)
    for name in names:
        request.headers.add_header(name, asked.headers[name])
    request.context["timestamp"] = asked.headers["x-amz-date"]
    signer = SigV4Auth(keys, service, region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return given.endswith(f"Signature={signature}") and f"Credential={keys.access_key}/" in given


def _as_metadata(life: timedelta) -> dict[str, str]:
    key_id, key, token = ISSUED
    ends = (datetime.now(UTC) + life).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Code": "Success",
        "LastUpdated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Type": "AWS-HMAC",
        "AccessKeyId": key_id,
        "SecretAccessKey": key,
        "Token": token,
        "Expiration": ends,
    }


def instance_metadata(life: timedelta = timedelta(hours=6)) -> Callable[[Asked], Answer]:
    """IMDSv2: every read needs a session token, which is asked for with PUT."""
    session = "AQAAAsession=="

    def answer(asked: Asked) -> Answer:
        if (asked.method, asked.path) == ("PUT", "/latest/api/token"):
            seconds = asked.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
            if not (seconds.isdigit() and 1 <= int(seconds) <= 21600):
                return Answer(400, b"")
            return Answer(200, session.encode(), {"Content-Type": "text/plain"})
        if asked.headers.get("x-aws-ec2-metadata-token") != session:
            return Answer(401, b"")
        if asked.path == "/latest/meta-data/iam/security-credentials/":
            return Answer(200, b"gateway-role", {"Content-Type": "text/plain"})
        if asked.path == "/latest/meta-data/iam/security-credentials/gateway-role":
            return json_answer(200, _as_metadata(life))
        return Answer(404, b"")

    return answer


def container(authorization: str, life: timedelta = timedelta(hours=6)) -> Callable[[Asked], Answer]:
    """The endpoint of ECS and of EKS Pod Identity, which wants the authorization that it handed out."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != authorization:
            return json_answer(401, {"code": "AccessDenied", "message": "authorization"})
        return json_answer(200, {**_as_metadata(life), "RoleArn": ROLE})

    return answer


def bedrock(region: str) -> Callable[[Asked], Answer]:
    """Converse, for requests that the issued keys have signed in the last five minutes."""

    def answer(asked: Asked) -> Answer:
        if asked.method != "POST" or not asked.path.endswith("/converse"):
            return json_answer(404, {"message": "UnknownOperationException"})
        signed_at = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        is_now = abs(datetime.now(UTC) - signed_at) < timedelta(minutes=5)
        if not is_now or not is_signed(asked, Credentials(*ISSUED), region, "bedrock"):
            return json_answer(403, {"message": "The request signature we calculated does not match"})
        said = {"role": "assistant", "content": [{"text": "signed"}]}
        usage = {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}
        content = {"output": {"message": said}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
        return json_answer(200, content)

    return answer
