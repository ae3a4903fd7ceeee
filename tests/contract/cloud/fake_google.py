"""Google's token endpoint, its Security Token Service and a metadata server, as strict as the real ones.

Sources: "Using OAuth 2.0 for Server to Server Applications" (developers.google.com/identity/protocols), RFC 7523 §3,
RFC 6749 §6, RFC 8693 §2.1, "About VM metadata" (cloud.google.com/compute/docs/metadata).
"""

import base64
import json
import time
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from contract.cloud.endpoint import Answer, Asked, Refused, json_answer

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
EMAIL: Final = "models@project-1.iam.gserviceaccount.com"
KEY_NUMBER: Final = "key-number-1"
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
"""Of every assertion, wherever it is sent."""
TOKEN: Final = "ya29.issued-token"
PRIVATE: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_PRIVATE: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(token_uri: str, private: rsa.RSAPrivateKey = PRIVATE, **changed: Any) -> str:
    """The JSON that the console hands out for a service account."""
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": KEY_NUMBER,
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": token_uri,
            **changed,
        }
    )


def _refused(error: str, description: str, status: int = 400) -> Refused:
    return Refused(json_answer(status, {"error": error, "error_description": description}))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TokenEndpoint:
    """`/token`: the assertions of one service account, and the refresh token of one user."""

    def __init__(self, life_s: int = 3600) -> None:
        self.life_s = life_s

    def __call__(self, asked: Asked) -> Answer:
        if (asked.method, asked.path) != ("POST", "/token"):
            return Answer(404, b"")
        form = asked.form
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            self._check_assertion(form.get("assertion", ""))
        elif form.get("grant_type") == "refresh_token":
            expected = {"client_id": "user-client", "client_secret": "user-secret", "refresh_token": "1//refresh"}
            if {name: form.get(name) for name in expected} != expected:
                raise _refused("invalid_grant", "Token has been expired or revoked.")
        else:
            raise _refused("unsupported_grant_type", "Invalid grant_type")
        return json_answer(200, {"access_token": TOKEN, "expires_in": self.life_s, "token_type": "Bearer"})

    @staticmethod
    def _check_assertion(assertion: str) -> None:
        parts = assertion.split(".")
        if len(parts) != 3:
            raise _refused("invalid_grant", "Bad Request")
        header, claims = json.loads(_decoded(parts[0])), json.loads(_decoded(parts[1]))
        if header.get("alg") != "RS256" or header.get("kid") != KEY_NUMBER:
            raise _refused("invalid_grant", "Invalid JWT: unknown key")
        try:
            signed = f"{parts[0]}.{parts[1]}".encode()
            PRIVATE.public_key().verify(_decoded(parts[2]), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise _refused("invalid_grant", "Invalid JWT Signature.") from None
        now = time.time()
        is_now = abs(claims["iat"] - now) < 60 and 0 < claims["exp"] - claims["iat"] <= 3600
        if claims.get("iss") != EMAIL or claims.get("aud") != AUDIENCE or not is_now:
            raise _refused("invalid_grant", f"Invalid JWT: {claims}")
        if claims.get("scope") != SCOPE:
            raise _refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")


def security_token_service(audience: str, subject_token: str) -> Callable[[Asked], Answer]:
    """`/v1/token`: a workload identity pool that trusts one token."""

    def answer(asked: Asked) -> Answer:
        if (asked.method, asked.path) != ("POST", "/v1/token"):
            return Answer(404, b"")
        expected = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": audience,
            "scope": SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token": subject_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
        if {name: asked.form.get(name) for name in expected} != expected:
            raise _refused("invalid_grant", "The token is not trusted by the pool")
        issued = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        return json_answer(200, {**issued, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    return answer


def metadata_server(asked: Asked) -> Answer:
    """Refuses whoever does not say that it knows what it talks to, and whoever came through a proxy."""
    if asked.headers.get("metadata-flavor") != "Google" or "x-forwarded-for" in asked.headers:
        return Answer(403, b"Forbidden", {"Content-Type": "text/html"})
    flavor = {"Metadata-Flavor": "Google"}
    account = "/computeMetadata/v1/instance/service-accounts/default/"
    if asked.method == "GET" and asked.path == account and asked.query == {"recursive": "true"}:
        return json_answer(200, {"aliases": ["default"], "email": EMAIL, "scopes": [SCOPE]}, **flavor)
    if asked.method == "GET" and asked.path == f"{account}token":
        return json_answer(200, {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}, **flavor)
    return Answer(404, b"Not Found", flavor)


def vertex(asked: Asked) -> Answer:
    """generateContent, for requests with the issued token and nothing that competes with it."""
    others = {"x-goog-api-key", "x-api-key", "api-key"} & set(asked.headers)
    if asked.headers.get("authorization") != f"Bearer {TOKEN}" or others or "key" in asked.query:
        error = {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}
        return json_answer(401, {"error": error})
    said = {"role": "model", "parts": [{"text": "signed"}]}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
    return json_answer(200, {"candidates": [{"content": said, "finishReason": "STOP"}], "usageMetadata": usage})
