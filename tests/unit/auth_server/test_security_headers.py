"""Header fields on every answer."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entresol.auth_server.security_headers import SecurityHeaders


async def page(request: Request) -> Response:
    own = {"content-security-policy": "default-src 'none'", "x-frame-options": "ALLOWALL", "cache-control": "private"}
    return Response(b"", headers=own if request.url.path == "/own" else None)


def ask(path: str, method: str = "GET", *, is_https: bool = True) -> httpx.Response:
    app = SecurityHeaders(
        Starlette(routes=[Route("/{path:path}", page)]),
        is_https=is_https,
        open_paths=["/token"],
        open_below=["/register"],
    )

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://x.example") as client:
            return await client.request(method, path)

    return asyncio.run(call())


def test_an_answer_can_neither_be_framed_nor_sniffed_nor_kept() -> None:
    headers = ask("/page").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "access-control-allow-origin" not in headers


def test_a_page_may_say_more_but_not_that_it_may_be_framed() -> None:
    headers = ask("/own").headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "private"


def test_without_tls_nobody_is_told_to_stay_with_it() -> None:
    assert "strict-transport-security" not in ask("/page", is_https=False).headers


@pytest.mark.parametrize("path", ["/token", "/register", "/register/x"])
def test_scripts_of_any_origin_may_call_endpoints_for_programs_without_cookies(path: str) -> None:
    assert ask(path).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in ask(path).headers
    preflight = ask(path, "OPTIONS")
    assert preflight.status_code == 204
    assert "DPoP" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["x-frame-options"] == "DENY"


def test_scripts_may_not_call_pages() -> None:
    assert "access-control-allow-origin" not in ask("/page", "OPTIONS").headers
