import asyncio
import sys
from dataclasses import astuple
from pathlib import Path

import pytest
import trustme

from entresol.api_floor.configuration import Configuration
from entresol.app.adapters import client_limits, line_sink, tls_contexts, upstream_transport
from entresol.config import ProxySettings, Settings, UpstreamSettings
from entresol.core.errors import ConfigError
from entresol.net.clock import SystemClock
from entresol.net.outgoing import Flusher
from entresol.telemetry.metrics import WorkerMetrics


def test_upstream_settings_become_the_clients_limits() -> None:
    upstream = UpstreamSettings(
        max_connections=1, max_waiting=2, max_idle=3, idle_timeout_s=4, max_age_s=5, max_head=6000, max_headers=7
    )
    limits = client_limits(Settings(upstream=upstream))
    assert (limits.max_head_bytes, limits.max_headers) == (6000, 7)
    assert astuple(limits.pool) == (1, 3, 4, 5, 2)


def test_the_settings_defaults_are_the_clients() -> None:
    from entresol.net.client import ClientLimits

    assert client_limits(Settings()) == ClientLimits()


async def made(upstream: UpstreamSettings) -> str:
    transport = upstream_transport(Settings(upstream=upstream), asyncio.get_running_loop(), SystemClock(), Flusher())
    transport.sweep(0.0)
    transport.close()
    return type(transport).__name__


def test_the_settings_choose_the_transport() -> None:
    assert asyncio.run(made(UpstreamSettings())) == "Http1Transport"
    assert asyncio.run(made(UpstreamSettings(transport="http2"))) == "PyreqwestTransport"
    proxied = UpstreamSettings(transport="http2", forward_proxy="http://127.0.0.1:3128")
    assert asyncio.run(made(proxied)) == "PyreqwestTransport"


def test_a_transport_whose_package_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "entresol.net.pyreqwest_transport", None)
    with pytest.raises(ConfigError, match=r"pip install 'entresol\[http2\]'") as caught:
        asyncio.run(made(UpstreamSettings(transport="http2")))
    assert caught.value.code == "extra_missing"


def test_a_forward_proxy_needs_the_transport_that_can_use_it() -> None:
    violations = UpstreamSettings(forward_proxy="http://127.0.0.1:3128").violations()
    assert violations == [("forward_proxy", "needs 'transport' to be http2")]


def test_without_a_tls_listener_nothing_of_tls_is_made() -> None:
    assert tls_contexts(Settings(), Configuration()) is None


def test_a_tls_listener_has_its_default_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("a.example")
    certificate, key, ca = tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "ca.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    proxy = ProxySettings(
        listen=("127.0.0.1:0 ssl",),
        certificate=str(certificate),
        certificate_key=str(key),
        client_certificates="required",
        client_ca=str(ca),
    )
    contexts = tls_contexts(Settings(proxy=proxy), Configuration())
    assert contexts is not None
    assert contexts.find("anything.example") is not None


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "c.pem")
    proxy = ProxySettings(listen=("127.0.0.1:0 ssl",), certificate=missing, certificate_key=missing)
    with pytest.raises(ConfigError, match=r"c\.pem cannot be read"):
        tls_contexts(Settings(proxy=proxy), Configuration())


def test_lost_log_lines_are_counted() -> None:
    metrics = WorkerMetrics()
    line_sink(metrics)
    names = [family.name for family in metrics.snapshot()]
    assert names == ["entresol_log_lines_dropped_total", "entresol_log_lines_failed_total"]
