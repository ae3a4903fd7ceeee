"""Sessions over a real WebSocket, with the `websockets` client and OpenAI's."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from entresol.scripted.endpoints import DEFAULT_KEY
from entresol.scripted.provider import ScriptedProvider
from entresol.scripted.serve import serve

AUTH = {"authorization": f"Bearer {DEFAULT_KEY}"}


def with_provider(scenario: Callable[[ScriptedProvider, str], Awaitable[None]]) -> None:
    async def run() -> None:
        provider = ScriptedProvider()
        over = asyncio.Event()
        provider.on_session_over = over.set
        server = await serve(provider)
        try:
            await scenario(provider, server.url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime")
            await asyncio.wait_for(over.wait(), 5)
        finally:
            await server.close()

    asyncio.run(run())


def test_openais_client_has_a_conversation() -> None:
    async def scenario(provider: ScriptedProvider, url: str) -> None:
        base = url.replace("ws", "http", 1).partition("/realtime")[0]
        client = AsyncOpenAI(api_key=DEFAULT_KEY, base_url=base)
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
            await connection.conversation.item.create(item=item)  # type: ignore[arg-type]
            await connection.response.create()
            seen = []
            async for event in connection:
                seen.append(event.type)
                if event.type == "response.done":
                    break
        assert seen[0] == "session.created"
        assert "response.output_text.delta" in seen

    received: list[ScriptedProvider] = []

    async def recorded(provider: ScriptedProvider, url: str) -> None:
        received.append(provider)
        await scenario(provider, url)

    with_provider(recorded)
    (session,) = received[0].received
    first = msgspec.json.decode(session.body.split(b"\n")[0])
    assert (session.status, session.model, session.close_code) == (101, "gpt-realtime", 1000)
    assert first["type"] == "session.update"


def test_pings_are_answered_and_closes_returned() -> None:
    async def scenario(provider: ScriptedProvider, url: str) -> None:
        async with connect(url, additional_headers=AUTH) as socket:
            await (await socket.ping(b"x"))
            await socket.close(4001, "bye")
            assert socket.close_code == 4001

    with_provider(scenario)


def test_a_binary_message_ends_the_session() -> None:
    async def scenario(provider: ScriptedProvider, url: str) -> None:
        async with connect(url, additional_headers=AUTH) as socket:
            await socket.recv()
            await socket.send(b"\0")
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1003

    with_provider(scenario)


def test_a_handshake_that_is_refused_is_an_http_answer() -> None:
    async def scenario(provider: ScriptedProvider, url: str) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers={"authorization": "Bearer wrong"})
        assert refused.value.response.status_code == 401

    with_provider(scenario)
