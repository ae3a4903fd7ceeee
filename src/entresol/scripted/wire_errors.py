"""Errors as each provider words and renders them."""

from typing import Final

from entresol.scripted import faults, tokens
from entresol.scripted.script import Incoming, Refusal, Script, json_script


def bad_key(wire: str, key: str | None) -> Refusal:
    """A key that is missing or wrong."""
    if wire == "anthropic":
        return Refusal(401, "authentication_error", "invalid x-api-key" if key else "x-api-key header is required")
    if wire == "gemini":
        if not key:
            return Refusal(
                403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers. Please use an API key."
            )
        return Refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    if not key:
        return Refusal(401, "invalid_request_error", "You didn't provide an API key in an Authorization header.")
    return Refusal(401, "invalid_request_error", "Incorrect API key provided.", code="invalid_api_key")


def bad_body(wire: str, message: str) -> Refusal:
    """A body that cannot be read."""
    return Refusal(400, "INVALID_ARGUMENT" if wire == "gemini" else "invalid_request_error", message)


def no_model(wire: str, model: str) -> Refusal:
    """A model that nobody knows."""
    if wire == "anthropic":
        return Refusal(404, "not_found_error", f"model: {model}")
    if wire == "gemini":
        return Refusal(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Refusal(404, "invalid_request_error", message, code="model_not_found")


def not_found(wire: str, message: str) -> Refusal:
    """A path that nobody serves."""
    kind = {"anthropic": "not_found_error", "gemini": "NOT_FOUND"}.get(wire, "invalid_request_error")
    return Refusal(404, kind, message)


_STATUS_WORDS: Final = {
    400: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    401: ("invalid_request_error", "authentication_error", "UNAUTHENTICATED"),
    403: ("invalid_request_error", "permission_error", "PERMISSION_DENIED"),
    404: ("invalid_request_error", "not_found_error", "NOT_FOUND"),
    413: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    429: ("rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    500: ("server_error", "api_error", "INTERNAL"),
    503: ("service_unavailable_error", "overloaded_error", "UNAVAILABLE"),
    504: ("server_error", "timeout_error", "DEADLINE_EXCEEDED"),
    529: ("service_unavailable_error", "overloaded_error", "UNAVAILABLE"),
}


def status_refusal(wire: str, fault: faults.StatusFault) -> Refusal:
    """The error that a `scripted-STATUS` model orders."""
    words = _STATUS_WORDS.get(fault.status) or _STATUS_WORDS[500 if fault.status >= 500 else 400]
    kind = words[("openai", "anthropic", "gemini").index(wire)]
    headers = () if fault.retry_after is None else ((b"retry-after", str(fault.retry_after).encode()),)
    code = "rate_limit_exceeded" if fault.status == 429 else None
    return Refusal(fault.status, kind, f"Scripted error {fault.status}.", code=code, headers=headers)


def render(wire: str, refusal: Refusal, request: Incoming) -> Script:
    """A refusal in the wire's error format."""
    headers = list(refusal.headers)
    request_id = tokens.derived_id("req_01", 22, request.path, request.body)
    if wire == "anthropic":
        headers.append((b"request-id", request_id.encode()))
        error = {"type": refusal.kind, "message": refusal.message}
        return json_script(refusal.status, {"type": "error", "error": error, "request_id": request_id}, headers)
    if wire == "gemini":
        status = {"error": {"code": refusal.status, "message": refusal.message, "status": refusal.kind}}
        return json_script(refusal.status, status, headers)
    headers.append((b"x-request-id", request_id.encode()))
    fields = {"message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": refusal.code}
    return json_script(refusal.status, {"error": fields}, headers)
