"""The stand for the SDKs: the whole gateway on a port, and the scripted provider behind it on another.

Both run on one event loop in a thread of their own, so that blocking SDKs can be used as their users do.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import yaml

from entresol.app.embedded import embedded_gateway
from entresol.config import Settings, load_settings
from entresol.net.clock import SystemClock
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket
from entresol.net.listener import serve as listen
from entresol.net.server import HttpServer
from entresol.scripted.endpoints import Settings as ScriptedSettings
from entresol.scripted.provider import Received, ScriptedProvider
from entresol.scripted.serve import serve

T = TypeVar("T")

GATEWAY_KEY = "gateway-key"
CLIENTS = ("openai", "anthropic", "gemini")
PROVIDERS = ("openai", "anthropic", "gemini", "openai-compatible")
MODELS = {
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
    "openai-compatible": "gpt-5.5",
}
"""A good model of each provider."""
WIRES = {"openai-compatible": "openai"}
"""The wire of a provider that speaks another's."""
PATHS = {
    "openai": ("/v1/chat/completions",),
    "anthropic": ("/v1/messages",),
    "gemini": ("/v1/models", "/v1beta/models"),  # google-genai went from v1beta to v1 with 3.0
}
_CREDENTIALS = {
    "openai": ("Authorization", "Bearer scripted-key"),
    "anthropic": ("x-api-key", "scripted-key"),
    "gemini": ("x-goog-api-key", "scripted-key"),
    "openai-compatible": ("Authorization", "Bearer scripted-key"),
}


class Stand:
    """What a test works with: the gateway's URL, and everything the provider received."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="stand", daemon=True)
        self._stack = AsyncExitStack()
        self.provider = ScriptedProvider(ScriptedSettings(slow_s=60.0))
        self.clients = ExitStack()
        """Closed after each test: what a client leaves to the collector is found in some other test."""
        self.url = ""

    def start(self) -> None:
        self._thread.start()
        self.run(self._start())

    def stop(self) -> None:
        self.run(self._stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the stand's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def base(self, client: str, provider: str, variant: str = "") -> str:
        """The base URL for an SDK of `client` whose calls go to `provider`."""
        return f"{self.url}/{client}-{provider}{variant}"

    def configuration(self, upstream: str) -> dict[str, Any]:
        """What the gateway is set up with; `upstream` is the provider's URL."""
        return declarative(upstream, closed_port())

    @property
    def last(self) -> Received:
        """The last request at the provider."""
        return self.provider.received[-1]

    async def _start(self) -> None:
        upstream = await serve(self.provider)
        self._stack.push_async_callback(upstream.close)
        path = self._directory / "gateway.yaml"
        path.write_text(yaml.safe_dump(self.configuration(upstream.url)))
        settings = load_settings(None, {}, {"configuration.file": str(path), "configuration.watch": False})
        assert isinstance(settings, Settings), settings
        floor = await self._stack.enter_async_context(embedded_gateway(settings))
        server = HttpServer(floor, Limits(), SystemClock())
        sock = bind_socket("127.0.0.1:0")
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        await listen(self.loop, sock, Listener(address), server)
        server.start(self.loop)
        self._stack.callback(server.stop)
        self._stack.push_async_callback(_close, server)
        self.url = f"http://{address}"


async def _close(server: HttpServer) -> None:
    server.begin_drain()
    await server.wait_drained(0.1)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def declarative(upstream: str, nobody: int) -> dict[str, Any]:
    """A route for each pair of client and provider, and some that limit or fail."""
    routes: list[dict[str, Any]] = []
    for client in CLIENTS:
        for provider in PROVIDERS:
            name = f"{client}-{provider}"
            proxy = ai_proxy(client, provider, upstream)
            routes.append(route(name, paths(client, f"{name}"), proxy))
            down = ai_proxy(client, provider, f"http://127.0.0.1:{nobody}")
            routes.append(route(f"{name}-down", paths(client, f"{name}-down"), down))
            only = ai_proxy(client, provider, upstream, name=MODELS[provider])
            routes.append(route(f"{name}-only", paths(client, f"{name}-only"), only))
            small = ai_proxy(client, provider, upstream, max_request_body_size=600)
            routes.append(route(f"{name}-small", paths(client, f"{name}-small"), small))
            limit = {"name": "rate-limiting", "config": {"minute": 1, "policy": "local"}}
            routes.append(
                route(f"{name}-once", paths(client, f"{name}-once"), ai_proxy(client, provider, upstream), limit)
            )
    for operation in ("completions", "embeddings"):
        proxy = ai_proxy("openai", "openai", upstream, route_type=f"llm/v1/{operation}")
        routes.append(route(f"openai-{operation}", [f"/openai-openai/v1/{operation}"], proxy))
    for provider in ("anthropic", "gemini"):
        proxy = ai_proxy("openai", provider, upstream, route_type="llm/v1/completions")
        routes.append(route(f"{provider}-completions", [f"/openai-{provider}/v1/completions"], proxy))
    slow = [
        route(
            f"{client}-{provider}-slow",
            paths(client, f"{client}-{provider}-slow"),
            ai_proxy(client, provider, upstream),
        )
        for client in CLIENTS
        for provider in PROVIDERS
    ]
    return {
        "_format_version": "3.0",
        "routes": routes,
        "services": [{"name": "impatient", "url": upstream, "read_timeout": 300, "retries": 0, "routes": slow}],
        "plugins": [{"name": "key-auth", "config": {"key_names": ["authorization", "x-api-key", "x-goog-api-key"]}}],
        "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
    }


def paths(client: str, prefix: str) -> list[str]:
    """Where an SDK sends its chat calls when its base URL has `prefix`."""
    return [f"/{prefix}{path}" for path in PATHS[client]]


def route(name: str, at: list[str], *plugins: dict[str, Any]) -> dict[str, Any]:
    """A route that takes paths and everything below them."""
    return {"name": name, "paths": at, "methods": ["POST"], "protocols": ["http"], "plugins": list(plugins)}


def ai_proxy(client: str, provider: str, upstream: str, *, name: str | None = None, **config: Any) -> dict[str, Any]:
    """The plugin for one pair. Without `name` the client chooses the model."""
    header, value = _CREDENTIALS[provider]
    model: dict[str, Any] = {"provider": provider, "options": {"upstream_url": upstream}}
    if provider == "anthropic":
        model["options"]["anthropic_version"] = "2023-06-01"
    if name is not None:
        model["name"] = name
    settings = {"route_type": "llm/v1/chat", "llm_format": client, "model": model}
    auth = {"header_name": header, "header_value": value}
    return {"name": "ai-proxy", "config": {**settings, "auth": auth, **config}}
