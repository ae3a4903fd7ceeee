"""The Admin API as an ASGI application: requests read, callers known, work run in one transaction, answers written."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entresol.admin.idempotency import Repeatable
from entresol.admin.operation import Answer, Call, Operation
from entresol.admin.problems import denied_answer, problem_answer
from entresol.core.decision import Deny
from entresol.core.errors import ClientError, GatewayError
from entresol.core.storage import Records, Store
from entresol.identity.oauth.scopes import covers
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.rights import rights_of

_LOG: Final = logging.getLogger("entresol.admin")
MAX_BODY: Final = 1 << 20
_JSON_TYPES: Final = frozenset(("", "application/json", "application/merge-patch+json", "application/scim+json"))

Authenticate = Callable[[Presented], Awaitable[Principal | Deny]]


class AdminApi:
    """See the module."""

    def __init__(
        self,
        store: Store,
        authenticate: Authenticate,
        now: Callable[[], int],
        resource: str,
        address: Callable[[Request], str],
        base: str,
    ) -> None:
        """`resource`: what tokens for it are meant for; `base`: where it is, such as `/admin/v1`; `address`: of who
        asks."""
        self._store = store
        self._authenticate = authenticate
        self._now = now
        self._resource = resource
        self._address = address
        self._base = base

    def app(self, operations: Sequence[Operation], routes: Sequence[Route] = ()) -> Starlette:
        """The application."""
        app = Starlette(
            routes=[
                *routes,
                *(Route(each.path, self._endpoint(each), methods=[each.method]) for each in operations),
            ],
            exception_handlers={GatewayError: _gateway_error, HTTPException: _http_error, Exception: _fault},
        )
        app.router.redirect_slashes = False
        return app

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        decode = None if operation.body is None else msgspec.json.Decoder(operation.body).decode

        async def answer(request: Request) -> Response:
            principal = await self.caller(request, operation.writes)
            if isinstance(principal, Deny):
                return denied_answer(principal)
            raw = await _body(request) if operation.writes else b""
            _check_no_nul(request, raw)
            body = None if decode is None else _decoded(decode, raw)
            _check_query(operation, request)
            work: Callable[[Records], Answer] = partial(self._work, operation, request, principal, body)
            if operation.method == "POST":
                work = Repeatable.of(request, principal, raw, self._now()).around(work)
            found = await (self._store.write(work) if operation.writes else self._store.read(work))
            if operation.writes:
                _LOG.info("%s by %s at %s %s", operation.id, _name_of(principal), request.url.path, found.told)
            return self._written(request, found)

        return answer

    async def caller(self, request: Request, writes: bool) -> Principal | Deny:
        """Who asks, with a scope for it."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential.strip():
            return _NO_CREDENTIAL
        presented = Presented(credential.strip().encode(), self._address(request), resource=self._resource)
        found = await self._authenticate(presented)
        if isinstance(found, Principal) and (found.impersonator or found.actors):
            return _IN_ANOTHERS_NAME
        if isinstance(found, Principal) and not covers(found.scopes, (_WRITE if writes else _READ,)):
            return Deny(403, "insufficient_scope", f"the scope {_WRITE if writes else _READ} is needed for this")
        return found

    def _work(
        self, operation: Operation, request: Request, principal: Principal, body: Any, records: Records
    ) -> Answer:
        call = Call(
            records=records,
            principal=principal,
            rights=rights_of(records, principal),
            now=self._now(),
            body=body,
            path=request.path_params,
            query=request.query_params,
            if_match=request.headers.get("if-match", ""),
        )
        return operation.work(call)

    def _written(self, request: Request, answer: Answer) -> Response:
        headers = {"cache-control": "no-store", **answer.headers}
        if "location" in headers:
            headers["location"] = self._base + headers["location"]
        following = answer.body.get("next") if isinstance(answer.body, dict) else None
        if following and "items" in answer.body:
            url = request.url.include_query_params(after=following)
            headers["link"] = f'<{self._base}{_below(request)}?{url.query}>; rel="next"'
        tag = headers.get("etag")
        if tag and request.method == "GET" and tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        return Response(msgspec.json.encode(answer.body), answer.status, headers, "application/json")


def _name_of(principal: Principal) -> str:
    return principal.account or f"{principal.issuer}|{principal.subject}"


def _below(request: Request) -> str:
    """The path below the API's own."""
    path: str = request.scope["path"]
    root: str = request.scope.get("root_path", "")
    return path.removeprefix(root)


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise ClientError("unsupported_media_type", f"content-type: expected application/json, got {kind}", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ClientError("body_too_large", f"the body is larger than {MAX_BODY} bytes", status=413)
    return bytes(body)


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise ClientError("bad_request", str(error), status=422) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientError("bad_json", f"the body is no JSON: {error}") from error


def _check_no_nul(request: Request, body: bytes) -> None:
    """PostgreSQL keeps no text with U+0000, and nobody means it."""
    if b"\\u0000" in body or "\0" in request.url.path or any("\0" in each for each in request.query_params.values()):
        raise ClientError("bad_request", "no text here may hold the character U+0000", status=422)


def _check_query(operation: Operation, request: Request) -> None:
    strange = [name for name in request.query_params if name not in operation.query]
    if strange:
        known = ", ".join(operation.query) or "none"
        raise ClientError("bad_request", f"there is no parameter {strange[0]!r} here; there are: {known}")


async def _gateway_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return problem_answer(error)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    answer = problem_answer(ClientError(code, str(error.detail), status=error.status_code))
    answer.headers.update(error.headers or {})
    return answer


async def _fault(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem_answer(GatewayError("internal_error", "something went wrong here; it has been logged"))


_READ: Final = "admin:read"
_WRITE: Final = "admin:write"
_NO_CREDENTIAL: Final = Deny(401, "credential_missing", "send Authorization: Bearer with a key or token")
_IN_ANOTHERS_NAME: Final = Deny(403, "forbidden", "nobody administers in somebody else's name")
