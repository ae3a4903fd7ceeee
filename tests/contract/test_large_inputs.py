"""Requests as large as they come, through the running gateway: in the client's own wire, and translated into another.

Each case is one request that a gateway with a hidden limit, or with work that grows faster than its input, does not
bring to the provider. What arrived is compared with what was sent, by count.
"""

import base64
import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec
import pytest

from contract.sdk.stand import GATEWAY_KEY, MODELS, Stand, ai_proxy, route

PROVIDERS = ("openai", "anthropic", "gemini")
KEY = {"authorization": f"Bearer {GATEWAY_KEY}"}
PNG = b"\x89PNG\r\n\x1a\n"


class LargeStand(Stand):
    """Routes without a limit of their own."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(name, [f"/{name}"], ai_proxy("openai", name, upstream, name=MODELS[name], max_request_body_size=0))
            for name in PROVIDERS
        ]
        files = ai_proxy("openai", "openai", upstream, route_type="llm/v1/files", max_request_body_size=0)
        routes.append(route("files", ["/v1/files"], files))
        keys = {"name": "key-auth", "config": {"key_names": ["authorization"]}}
        consumer = {"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}
        return {"_format_version": "3.0", "routes": routes, "plugins": [keys], "consumers": [consumer]}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LargeStand]:
    running = LargeStand(tmp_path_factory.mktemp("large"))
    running.start()
    yield running
    running.stop()


def ask(stand: LargeStand, provider: str, **body: Any) -> httpx.Response:
    body.setdefault("messages", [{"role": "user", "content": "hello"}])
    return httpx.post(
        f"{stand.url}/{provider}",
        content=msgspec.json.encode(body),
        headers={**KEY, "content-type": "application/json"},
        timeout=60,
    )


def taken(response: httpx.Response) -> None:
    assert response.status_code == 200, response.text[:300]
    assert "x-entresol-dropped" not in response.headers


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_million_tokens_of_text_arrive(stand: LargeStand, provider: str) -> None:
    text = "four" * 1_000_000
    taken(ask(stand, provider, messages=[{"role": "user", "content": text}]))
    assert text.encode() in stand.last.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_image_of_35_mb_arrives_inline(stand: LargeStand, provider: str) -> None:
    """47 MB in base64: with what is around it, what `limits.max_body` lets through by default."""
    data = base64.b64encode(PNG + bytes(35_000_000)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    taken(ask(stand, provider, messages=[{"role": "user", "content": [{"type": "text", "text": "what?"}, image]}]))
    assert data.encode() in stand.last.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_document_of_20_mb_arrives_inline(stand: LargeStand, provider: str) -> None:
    data = base64.b64encode(b"%PDF-1.4\n" + bytes(20_000_000)).decode()
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}
    taken(ask(stand, provider, messages=[{"role": "user", "content": [{"type": "file", "file": file}]}]))
    assert data.encode() in stand.last.body


def test_a_file_of_50_mb_is_uploaded(stand: LargeStand) -> None:
    data = bytes(range(256)) * 200_000
    form = {"purpose": (None, b"user_data"), "file": ("big.bin", data)}
    response = httpx.post(f"{stand.url}/v1/files", files=form, headers=KEY, timeout=60)
    taken(response)
    assert response.json()["bytes"] == len(data)
    assert stand.provider.settings.shelf.files[response.json()["id"]].data == data
    assert stand.last.headers.get(b"content-length") is None  # it went on before its end had come


@pytest.mark.parametrize("provider", PROVIDERS)
def test_500_tools_arrive(stand: LargeStand, provider: str) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [
        {"type": "function", "function": {"name": f"tool_{number:03}", "description": "d", "parameters": schema}}
        for number in range(500)
    ]
    response = ask(stand, provider, tools=tools, tool_choice="auto")
    assert stand.last.body.count(b'"name":"tool_') == 500
    if provider == "openai":  # which takes 128, and says so itself
        assert "at most 128" in response.json()["error"]["message"]
    else:
        taken(response)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_10000_messages_arrive_in_their_order(stand: LargeStand, provider: str) -> None:
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": f"turn-{number:05}."} for number in range(9_999)
    ]
    taken(ask(stand, provider, messages=messages))
    body = stand.last.body
    places = [body.find(b"turn-%05d." % number) for number in range(0, 9_999, 500)]
    assert body.count(b"turn-") == 9_999
    assert places == sorted(places)
    assert -1 not in places


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"inner": schema}}
    return schema


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_schema_of_50_levels_arrives(stand: LargeStand, provider: str) -> None:
    tool = {"type": "function", "function": {"name": "deep", "parameters": nested(50)}}
    taken(ask(stand, provider, tools=[tool]))
    assert stand.last.body.count(b'"inner"') == 50


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_schema_that_is_too_deep_is_refused_and_nothing_breaks(stand: LargeStand, provider: str) -> None:
    before = len(stand.provider.received)
    depth = 200_000
    schema = b'{"a":' * depth + b"1" + b"}" * depth
    body = (
        b'{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"t","parameters":%b}}]}'
        % schema
    )
    response = httpx.post(
        f"{stand.url}/{provider}", content=body, headers={**KEY, "content-type": "application/json"}, timeout=60
    )
    assert response.status_code == 400
    assert response.headers["x-entresol-error"] in ("bad_json", "bad_request")
    assert "error" in response.json()
    assert len(stand.provider.received) == before


@pytest.mark.parametrize("provider", PROVIDERS)
def test_200000_parts_arrive(stand: LargeStand, provider: str) -> None:
    """Many small things cost more than one large one."""
    parts = [{"type": "text", "text": "x"}] * 200_000
    taken(ask(stand, provider, messages=[{"role": "user", "content": parts}]))
    assert stand.last.body.count(b'"x"') == 200_000


def test_a_body_over_the_servers_limit_is_refused_before_it_is_read(stand: LargeStand) -> None:
    before = len(stand.provider.received)
    connection = http.client.HTTPConnection(stand.url.removeprefix("http://"), timeout=10)
    with closing(connection):
        connection.putrequest("POST", "/openai")
        for name, value in {**KEY, "content-type": "application/json", "content-length": "70000000"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"{")
        response = connection.getresponse()
        assert (response.status, response.getheader("x-entresol-error")) == (413, "body_too_large")
        response.read()
    assert len(stand.provider.received) == before
