"""The OpenAPI document (3.1) of the Admin API, made from its operations."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from entresol import __version__
from entresol.admin.operation import Operation
from entresol.admin.problems import MEDIA_TYPE, Problem

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_QUERY: Final[dict[str, Any]] = {
    "limit": {"description": "How many at most.", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
    "after": {"description": "`next` of the page before.", "schema": {"type": "string"}},
}
_ERRORS: Final = {
    "401": "Not authenticated.",
    "403": "Not permitted.",
    "422": "The body has the wrong types or values.",
    "503": "The store cannot be reached.",
}


def openapi(operations: Sequence[Operation], server: str) -> dict[str, Any]:
    """The document. `server`: the URL that paths are below."""
    types = [Problem, *(kind for each in operations for kind in (each.body, each.answer) if kind is not None)]
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Entresol Admin API",
            "version": __version__,
            "description": "What operators, teams and directories manage. Errors are problem details (RFC 9457).",
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A virtual key or an access token."}
            },
        },
    }


def _operation(each: Operation) -> dict[str, Any]:
    needed = f"Needs `{each.permission}`." if each.permission else "Needs no permission."
    scope = "admin:write" if each.writes else "admin:read"
    document: dict[str, Any] = {
        "operationId": each.id,
        "summary": each.summary,
        "description": f"{needed} Scope `{scope}`.",
        "tags": [each.tag],
        "parameters": _parameters(each),
        "responses": _responses(each),
    }
    if each.body is not None:
        document["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(each.body)}}}
    return document


def _parameters(each: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(each.path)
    ]
    found += [{"name": name, "in": "query", **_QUERY.get(name, {"schema": {"type": "string"}})} for name in each.query]
    if each.method in ("PATCH", "DELETE"):
        found.append(_header("If-Match", "The ETag that was read: 412 if it is not the current one."))
    if each.method == "POST":
        found.append(_header("Idempotency-Key", "The answer to the first request with this key is given again."))
    return found


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _responses(each: Operation) -> dict[str, Any]:
    problem = {"content": {MEDIA_TYPE: {"schema": _schema(Problem)}}}
    said: dict[str, Any] = {"description": "Done."}
    if each.answer is not None:
        said["content"] = {"application/json": {"schema": _schema(each.answer)}}
    return {str(each.status): said, **{status: {"description": what} | problem for status, what in _ERRORS.items()}}


def _schema(kind: Any) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
