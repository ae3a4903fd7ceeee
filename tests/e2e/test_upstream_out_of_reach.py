"""Upstreams to which no connection ever comes about: clients hear so by the connect clock, and in their own format."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from e2e.gateway_process import DEADLINE_S, eventually, gateway

Unreachable = Callable[[], AbstractContextManager[tuple[str, int]]]

_SYN_SENT = 2
"""Of the state that TCP_INFO begins with (Linux, `tcp_states.h`)."""


@contextmanager
def full_queue() -> Iterator[tuple[str, int]]:
    """A listener that accepts nobody and whose queue is full: the kernel drops what others send first."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            if filler.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _SYN_SENT:
                break
        else:
            pytest.fail("the queue is not full")
        yield listener.getsockname()


@contextmanager
def silence() -> Iterator[tuple[str, int]]:
    """A listener whose kernel takes connections, and that never says a word of TLS."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()


def routes(log: Path, scheme: str, address: tuple[str, int]) -> str:
    """The same upstream as a plain API and as a model. Only the connect clock is short."""
    url = f"{scheme}://{address[0]}:{address[1]}"
    ai = f"""
    - name: model
      paths: [/model]
      protocols: [http]
      plugins:
      - name: ai-proxy
        config:
          route_type: llm/v1/chat
          model: {{provider: openai-compatible, name: m, options: {{upstream_url: "{url}/v1"}}}}
"""
    return f"""
_format_version: "3.0"
services:
- name: far
  url: {url}
  connect_timeout: 50
  read_timeout: 600000
  write_timeout: 600000
  routes:
    - name: api
      paths: [/api]
      protocols: [http]
{ai}
plugins:
- {{name: file-log, config: {{path: '{log}'}}}}
"""


@pytest.mark.parametrize("transport", ["http1", "http2"])
@pytest.mark.parametrize(("scheme", "unreachable"), [("http", full_queue), ("https", full_queue), ("https", silence)])
def test_a_connection_that_never_comes_about_is_a_504_by_the_connect_clock(
    tmp_path: Path, scheme: str, unreachable: Unreachable, transport: str
) -> None:
    log = tmp_path / "access.log"

    async def scenario(address: tuple[str, int]) -> None:
        chat = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        async with (
            gateway(tmp_path, routes(log, scheme, address), ENTRESOL_UPSTREAM__TRANSPORT=transport) as node,
            httpx.AsyncClient(base_url=node.url, timeout=DEADLINE_S) as client,
        ):
            plain, model = await asyncio.gather(client.get("/api"), client.post("/model", json=chat))
            for answer in (plain, model):
                assert (answer.status_code, answer.headers["x-entresol-error"]) == (504, "upstream_connect_timeout")
                assert answer.json()["message"].startswith("The upstream server is timing out")
            assert set(plain.json()) == {"message", "request_id"}
            assert model.json()["error"]["code"] == "upstream_connect_timeout"

            async def logged() -> list[str] | None:
                lines = log.read_text().splitlines() if log.exists() else []
                return lines if len(lines) == 2 else None

            for line in await eventually(logged, "both log lines"):
                record = msgspec.json.decode(line)
                assert (record["response"]["status"], record["error"]["code"]) == (504, "upstream_connect_timeout")
                assert record["latencies"]["request"] < 10_000  # the other clocks stand at ten minutes

    with unreachable() as address:
        asyncio.run(scenario(address))
