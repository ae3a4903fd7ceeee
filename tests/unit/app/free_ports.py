"""What the tests of the composition root share: a configuration, settings on free ports, a request."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trustme

from entresol.app.configuration import read_document
from entresol.app.gateway import Sockets
from entresol.config import ConfigurationSettings, ProxySettings, Settings, StatusSettings, WorkerSettings
from entresol.net.worker_sockets import bind_for_workers
from entresol.supervisor.loader import Document, Refused


def configuration(path: str, more: str = "") -> str:
    """A route at `path` that answers without an upstream: its service has none."""
    return f"""
_format_version: "3.0"
routes:
- name: r
  paths: [{path}]
  protocols: [http, https]
{more}
"""


def mismatched_certificate() -> str:
    """A certificate with the key of another: good PEM, of no use."""
    authority = trustme.CA()
    one, other = authority.issue_cert("a.example"), authority.issue_cert("a.example")
    certificate = one.cert_chain_pems[0].bytes().decode()
    key = other.private_key_pem.bytes().decode()
    entity = {"cert": certificate, "key": key, "snis": [{"name": "a.example"}]}
    return f"certificates: [{msgspec.json.encode(entity).decode()}]"


def settings_for(file: Path, text: str | None = None, drain_s: float = 5.0, watch: bool = True) -> Settings:
    """Settings that serve `file`, which gets `text`."""
    if text is not None:
        file.write_text(text)
    return Settings(
        proxy=ProxySettings(listen=("127.0.0.1:0",)),
        status=StatusSettings(listen=("127.0.0.1:0",)),
        workers=WorkerSettings(drain_s=drain_s),
        configuration=ConfigurationSettings(file=str(file), watch=watch),
    )


def document_of(settings: Settings) -> Document:
    """The validated file."""
    found = read_document(settings, os.environ)
    assert not isinstance(found, Refused), found
    return found[0]


def free_sockets() -> Sockets:
    """One proxy and one status socket."""
    return Sockets(bind_for_workers("127.0.0.1:0", 1), bind_for_workers("127.0.0.1:0", 1))


@asynccontextmanager
async def connected(sockets: Sockets) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the proxy."""
    reader, writer = await asyncio.open_connection(*sockets.proxy[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()


async def get(address: tuple[str, int], path: str) -> tuple[int, str]:
    """Status and body of a request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body
