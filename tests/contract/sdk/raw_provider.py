"""A provider that sends what a test wants, byte for byte, whatever it is asked."""

import asyncio
from typing import Any

import msgspec

from contract.sdk.stand import Stand, ai_proxy, route

FORMATS = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
    "bedrock-converse": "bedrock",
    "cohere-chat": "cohere",
    "ollama-chat": "ollama",
}
"""Wire to its name in `llm_format`."""
PROVIDERS = {
    "openai-chat": "openai-compatible",
    "anthropic-messages": "anthropic",
    "gemini": "gemini",
    "bedrock-converse": "bedrock",
    "cohere-chat": "cohere",
    "ollama-chat": "ollama",
}


class Answering(msgspec.Struct):
    """What the provider sends: the content type, the pieces of the body, and how it ends."""

    content_type: bytes = b"text/event-stream"
    pieces: list[bytes] = []
    is_cut: bool = False
    """The connection breaks off."""
    encoding: bytes = b""
    status: bytes = b"200 OK"


class RawProvider:
    """An HTTP server without opinions."""

    def __init__(self) -> None:
        self.answer = Answering()

    async def serve(self) -> tuple[asyncio.Server, str]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))
        answer = self.answer
        encoding = b"content-encoding: %b\r\n" % answer.encoding if answer.encoding else b""
        writer.write(
            b"HTTP/1.1 %b\r\ncontent-type: %b\r\n%btransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            % (answer.status, answer.content_type, encoding)
        )
        for piece in answer.pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        if not answer.is_cut:
            writer.write(b"0\r\n\r\n")
        writer.close()


class RawStand(Stand):
    """The gateway with a route from every client to every wire of `PROVIDERS`, at `/CLIENT-PROVIDER`."""

    def start(self) -> None:
        self.raw = RawProvider()
        self._thread.start()
        self.server, self._raw_url = self.run(self.raw.serve())
        self.run(self._start())

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.server.close)
        super().stop()

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(f"{client}-{provider}", [f"/{client}-{provider}"], self._proxy(client, provider))
            for client in FORMATS
            for provider in PROVIDERS
        ]
        return {"_format_version": "3.0", "routes": routes}

    def _proxy(self, client: str, provider: str) -> dict[str, Any]:
        name = PROVIDERS[provider]
        operation = "responses" if client == "openai-responses" else "chat"
        proxy = ai_proxy(FORMATS[client], "openai", self._raw_url, route_type=f"llm/v1/{operation}")
        proxy["config"]["model"]["provider"] = name
        if name == "bedrock":
            proxy["config"]["model"]["options"]["bedrock"] = {"aws_region": "eu-central-1"}
            proxy["config"]["auth"] = {"header_name": "Authorization", "header_value": "Bearer scripted-key"}
        if name == "anthropic":
            proxy["config"]["model"]["options"]["anthropic_version"] = "2023-06-01"
        return proxy
