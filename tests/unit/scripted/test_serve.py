"""The provider on a real port, asked by a plain socket."""

import asyncio

import msgspec
import pytest

from entresol.core.errors import ConfigError
from entresol.scripted.provider import ScriptedProvider
from entresol.scripted.serve import ScriptedServer, serve


async def exchange(server: ScriptedServer, model: str, stream: bool = False) -> bytes:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    fields = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    body = msgspec.json.encode(fields)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer scripted-key\r\n"
        b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    data = await reader.read()
    writer.close()
    return data


def test_it_answers_whole_and_streamed_over_a_socket() -> None:
    async def run() -> None:
        server = await serve(ScriptedProvider(chunk_delay_s=0.0001))
        whole = await exchange(server, "gpt-5.5")
        streamed = await exchange(server, "gpt-5.5", stream=True)
        await server.close()
        assert whole.startswith(b"HTTP/1.1 200")
        assert msgspec.json.decode(whole.partition(b"\r\n\r\n")[2])["object"] == "chat.completion"
        assert b"transfer-encoding: chunked" in streamed.lower()
        assert b"data: [DONE]" in streamed
        assert [received.status for received in server.provider.received] == [200, 200]

    asyncio.run(run())


def test_a_connection_that_breaks_on_order_ends_without_a_last_chunk() -> None:
    async def run() -> None:
        server = await serve(ScriptedProvider())
        try:
            data = await exchange(server, "scripted-reset-midstream", stream=True)
        except ConnectionResetError:
            data = b""
        await server.close()
        assert not data.endswith(b"0\r\n\r\n")

    asyncio.run(run())


def test_a_port_that_is_taken_is_said_so() -> None:
    async def run() -> None:
        server = await serve(ScriptedProvider())
        with pytest.raises(ConfigError):
            await serve(ScriptedProvider(), int(server.url.rpartition(":")[2]))
        await server.close()

    asyncio.run(run())
