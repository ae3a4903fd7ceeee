"""Microsoft Entra ID, an instance's metadata and App Service's identity endpoint, as strict as the real ones.

Sources: "Microsoft identity platform and the OAuth 2.0 client credentials flow", "How to use managed identities for
Azure resources on an Azure VM to acquire an access token", "How to use managed identities for App Service"
(learn.microsoft.com).
"""

from collections.abc import Callable
from typing import Any, Final

from contract.cloud.endpoint import Answer, Asked, Refused, json_answer

TENANT: Final = "11111111-2222-3333-4444-555555555555"
CLIENT: Final = "66666666-7777-8888-9999-000000000000"
SECRET: Final = "client~secret.of-the-gateway"
RESOURCE: Final = "https://cognitiveservices.azure.com"
SCOPE: Final = f"{RESOURCE}/.default"
TOKEN: Final = "eyJ0eXAiOiJKV1QifQ.issued.token"


def _refused(status: int, code: int, error: str, message: str) -> Refused:
    content = {"error": error, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}
    return Refused(json_answer(status, content))


class Entra:
    """One tenant with one client, which has a secret and trusts one token of a workload."""

    def __init__(self, assertion: str = "") -> None:
        self.assertion = assertion

    def __call__(self, asked: Asked) -> Answer:
        base = f"https://{asked.headers['host']}/{TENANT}"
        if (asked.method, asked.path) == ("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration"):
            found: dict[str, Any] = {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
            return json_answer(200, found)
        if asked.path.endswith("/.well-known/openid-configuration"):
            raise _refused(400, 90002, "invalid_tenant", "Tenant not found.")
        if (asked.method, asked.path) != ("POST", f"/{TENANT}/oauth2/v2.0/token"):
            return Answer(404, b"")
        self._check(asked.form)
        return json_answer(
            200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": TOKEN}
        )

    def _check(self, form: dict[str, str]) -> None:
        if form.get("grant_type") != "client_credentials":
            raise _refused(400, 70003, "unsupported_grant_type", "The app requested an unsupported grant type.")
        if form.get("client_id") != CLIENT:
            raise _refused(400, 700016, "unauthorized_client", "Application was not found in the directory.")
        if "client_assertion" in form:
            kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            if form.get("client_assertion_type") != kind or form["client_assertion"] != self.assertion:
                raise _refused(401, 700211, "invalid_client", "No matching federated identity record found.")
        elif form.get("client_secret") != SECRET:
            raise _refused(401, 7000215, "invalid_client", "Invalid client secret provided.")
        if SCOPE not in form.get("scope", "").split():
            raise _refused(400, 1002012, "invalid_scope", "The provided value for scope is not valid.")


def instance_metadata(client_id: str | None) -> Callable[[Asked], Answer]:
    """IMDS of a machine with the system's identity (None), or with one that a user has assigned."""

    def answer(asked: Asked) -> Answer:
        if (asked.method, asked.path) != ("GET", "/metadata/identity/oauth2/token"):
            return Answer(404, b"")
        if asked.headers.get("metadata") != "true" or "x-forwarded-for" in asked.headers:
            return json_answer(
                400, {"error": "invalid_request", "error_description": "Required metadata header missing"}
            )
        if asked.query.get("api-version") != "2018-02-01" or asked.query.get("resource") != RESOURCE:
            return json_answer(400, {"error": "invalid_resource", "error_description": "AADSTS500011: not found"})
        if asked.query.get("client_id") != client_id:
            return json_answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
        issued = {"access_token": TOKEN, "expires_in": "86399", "expires_on": "0", "token_type": "Bearer"}
        return json_answer(200, {**issued, "resource": RESOURCE, "client_id": client_id or CLIENT})

    return answer


def app_service(header: str) -> Callable[[Asked], Answer]:
    """App Service's endpoint, which wants the header that it handed out."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("x-identity-header") != header:
            return json_answer(403, {"statusCode": 403, "message": "Forbidden"})
        if asked.query.get("api-version") != "2019-08-01" or asked.query.get("resource") != RESOURCE:
            return json_answer(400, {"statusCode": 400, "message": "No Managed Identity found"})
        ends = "4102444800"
        return json_answer(
            200, {"access_token": TOKEN, "expires_on": ends, "resource": RESOURCE, "token_type": "Bearer"}
        )

    return answer


def openai(asked: Asked) -> Answer:
    """Chat completions of a deployment, for requests with the issued token and nothing that competes with it."""
    others = {"api-key", "x-api-key"} & set(asked.headers)
    if asked.headers.get("authorization") != f"Bearer {TOKEN}" or others:
        return json_answer(401, {"error": {"code": "401", "message": "Access denied due to invalid credentials."}})
    if not asked.path.startswith("/openai/deployments/gpt/") or "api-version" not in asked.query:
        return json_answer(404, {"error": {"code": "404", "message": "Resource not found"}})
    choice = {"index": 0, "message": {"role": "assistant", "content": "signed"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt", "choices": [choice]}
    return json_answer(200, {**answer, "usage": usage})
