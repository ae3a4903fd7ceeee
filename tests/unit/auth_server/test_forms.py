"""Forms."""

import asyncio

import pytest
from starlette.requests import Request

from entresol.auth_server.forms import form_of
from entresol.core.errors import GatewayError
from entresol.identity.oauth.request_form import MEDIA_TYPE


def read(body: bytes, kind: str = MEDIA_TYPE) -> dict[str, str]:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", kind.encode())]
    return dict(asyncio.run(form_of(Request({"type": "http", "method": "POST", "headers": headers}, receive))))


def test_fields_are_read() -> None:
    assert read(b"a=1&b=&c=%C3%A9+x", f"{MEDIA_TYPE}; charset=utf-8") == {"a": "1", "b": "", "c": "é x"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=1&a=2", MEDIA_TYPE),
        (b"a=%ff", MEDIA_TYPE),
        (b"\xff=1", MEDIA_TYPE),
        (b"&".join(b"f%d=1" % n for n in range(33)), MEDIA_TYPE),
        (b"a=1", "text/plain"),
        (b"a=1", ""),
        (b"a=" + b"x" * 20_000, MEDIA_TYPE),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(body: bytes, kind: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(body, kind)
    assert refused.value.status in (400, 413)
