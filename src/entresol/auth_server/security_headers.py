"""Header fields that keep browsers from being turned against people, on every answer of the authorization server."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
_TRANSPORT: Final = ("strict-transport-security", "max-age=31536000")
_CORS: Final = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "WWW-Authenticate, DPoP-Nonce"),
)
_PREFLIGHT: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": "Authorization, Content-Type, DPoP, MCP-Protocol-Version",
    "access-control-max-age": "600",
}


class SecurityHeaders:
    """ASGI middleware. What an answer sets itself stays, `frame-ancestors` and `x-frame-options` excepted.

    Endpoints for programs, which look at no cookie, may be called by scripts of any origin (CORS, without
    credentials): a browser-based client has no other way to its tokens. Pages may not.
    """

    def __init__(
        self, app: ASGIApp, *, is_https: bool, open_paths: Collection[str], open_below: Collection[str]
    ) -> None:
        self._app = app
        self._fields = (*_ALWAYS, _TRANSPORT) if is_https else _ALWAYS
        self._open_paths = frozenset(open_paths)
        self._open_below = tuple(open_below)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        is_open = path in self._open_paths or path.startswith(self._open_below)

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message), is_open)
            await send(message)

        if is_open and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send_with_fields)
        else:
            await self._app(scope, receive, send_with_fields)

    def _complete(self, headers: MutableHeaders, is_open: bool) -> None:
        for name, value in self._fields:
            headers.setdefault(name, value)
        if "frame-ancestors 'none'" not in headers["content-security-policy"]:
            headers["content-security-policy"] += "; frame-ancestors 'none'"
        headers["x-frame-options"] = "DENY"
        if is_open:
            for name, value in _CORS:
                headers[name] = value
