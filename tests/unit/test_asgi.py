import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from entresol.asgi import app
from entresol.net.asgi_types import Message
from unit.app.free_ports import configuration


def test_the_gateway_answers_as_an_asgi_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.yaml").write_text(configuration("/a"))
    monkeypatch.setenv("ENTRESOL_CONFIG", str(tmp_path / "c.yaml"))

    async def scenario() -> None:
        messages: Iterator[Message] = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        started, finish = asyncio.Event(), asyncio.Event()

        async def receive() -> Message:
            message = next(messages)
            if message["type"] == "lifespan.shutdown":
                await finish.wait()
            return message

        async def send(message: Message) -> None:
            assert str(message["type"]).endswith(".complete")
            started.set()

        server = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
        await asyncio.wait_for(started.wait(), 10)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            assert (await client.get("/a")).status_code == 503
            answer = await client.get("/b")
            assert (answer.status_code, answer.json()["message"]) == (404, "no Route matched with those values")
        finish.set()
        await asyncio.wait_for(server, 10)

    asyncio.run(scenario())


def test_importing_it_reads_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", "import entresol.asgi"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
