"""Settings reach what they are for."""

import asyncio
import os
import signal
import ssl
import sys
from pathlib import Path

import httpx
import pytest
import trustme

from e2e.gateway_process import DEADLINE_S, eventually, gateway, get, one_service, upstream

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


def certificates(folder: Path) -> tuple[trustme.CA, dict[str, str]]:
    """An authority, and settings for a listener whose default certificate it issued."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, ca = folder / "c.pem", folder / "k.pem", folder / "ca.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    return authority, {
        "ENTRESOL_PROXY__CERTIFICATE": str(certificate),
        "ENTRESOL_PROXY__CERTIFICATE_KEY": str(key),
        "ENTRESOL_PROXY__CLIENT_CA": str(ca),
    }


@WORKERS
def test_a_settings_file_is_obeyed(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        settings = tmp_path / "settings.yaml"
        settings.write_text("headers: {brand: Kong}\nlimits: {max_body: 4}\nstatus: {kong_metric_names: false}\n")
        more = "plugins: [{name: prometheus, config: {status_code_metrics: true}}]"
        async with (
            upstream() as up,
            gateway(
                tmp_path, one_service(up.url, more=more), *("--settings", str(settings), "--workers", workers)
            ) as node,
            httpx.AsyncClient(base_url=node.url) as client,
        ):
            answer = await client.get("/api/hello")
            assert answer.headers["x-kong-proxy-latency"].isdigit()
            assert (await client.post("/api/hello", content=b"12345")).status_code == 413
            assert await node.metric("entresol_http_requests_total") >= 1
            assert await node.metric("kong_http_requests_total") == 0

    asyncio.run(scenario())


def test_a_trusted_balancer_tells_the_clients_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(
                tmp_path,
                one_service(up.url),
                *("--listen", "127.0.0.1:0 proxy_protocol"),
                ENTRESOL_PROXY__TRUSTED_IPS="127.0.0.0/8",
            ) as node,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(node.proxy[0].rpartition(":")[2]))
            writer.write(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n")
            writer.write(b"GET /api/hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), DEADLINE_S)).startswith(b"HTTP/1.1 200")
            writer.close()
            assert b"\r\nx-real-ip: 203.0.113.9\r\n" in up.heads[0]

    asyncio.run(scenario())


@WORKERS
def test_clients_must_show_a_certificate_where_that_is_required(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        authority, environment = certificates(tmp_path)
        anonymous = ssl.create_default_context()
        authority.configure_trust(anonymous)
        known = ssl.create_default_context()
        authority.configure_trust(known)
        authority.issue_cert("client@example.com").configure_cert(known)
        async with (
            upstream() as up,
            gateway(
                tmp_path,
                one_service(up.url),
                *("--listen", "127.0.0.1:0 ssl", "--workers", workers),
                ENTRESOL_PROXY__CLIENT_CERTIFICATES="required",
                **environment,
            ) as node,
        ):
            url = f"https://{node.proxy[0]}/api/hello"
            async with httpx.AsyncClient(verify=known) as client:
                assert (await client.get(url)).text == "hello"
            async with httpx.AsyncClient(verify=anonymous) as client:
                with pytest.raises(httpx.TransportError):
                    await client.get(url)

    asyncio.run(scenario())


@WORKERS
def test_a_start_that_cannot_work_is_one_clear_line(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        _, environment = certificates(tmp_path)
        other = trustme.CA().issue_cert("127.0.0.1")
        other.private_key_pem.write_to_path(environment["ENTRESOL_PROXY__CERTIFICATE_KEY"])
        (tmp_path / "c.yaml").write_text(one_service("http://127.0.0.1:9"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "entresol", "serve", "-c", str(tmp_path / "c.yaml"), "--workers", workers),
            *("--listen", "127.0.0.1:0 ssl", "--status-listen", ""),
            env={**os.environ, **environment},
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 1
        assert "the listener's certificate does not load with its key" in errors.decode()
        assert "Traceback" not in errors.decode()

    asyncio.run(scenario())


@WORKERS
def test_log_files_are_opened_afresh_on_sighup(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
        more = f"plugins: [{{name: file-log, config: {{path: '{log}'}}}}]"
        async with upstream() as up, gateway(tmp_path, one_service(up.url, more=more), "--workers", workers) as node:

            async def call_until_logged() -> bool | None:
                await get(f"{node.url}/api/hello")
                return log.exists() or None

            await eventually(call_until_logged, "the log")
            log.rename(moved)
            node.signal(signal.SIGHUP)
            await eventually(call_until_logged, "the new log")

    asyncio.run(scenario())
