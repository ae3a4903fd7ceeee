"""The authorization-server leg of the MCP conformance suite."""

import os
import re
import socket
import subprocess
from pathlib import Path

import httpx

from contract.oauth.node_packages import installed, node
from contract.oauth.stand import Stand
from entresol.identity.oauth.clients import create_client
from entresol.identity.records.oauth_clients import OAuthClient


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_every_check_of_the_suite_passes(stand: Stand, tmp_path: Path) -> None:
    port = free_port()
    client = OAuthClient(id="suite", name="Suite", redirect_uris=(f"http://127.0.0.1:{port}/callback",))
    create_client(stand.gateway.records, client)
    options = {
        "--url": stand.issuer,
        "--client-id": "suite",
        "--resource": stand.resource.url,
        "--port": str(port),
        "--spec-version": "2026-07-28",
    }
    said = ""
    suite_file = installed("@modelcontextprotocol/conformance") / "dist" / "index.js"
    with subprocess.Popen(
        [str(node()), str(suite_file), "authorization", *(text for option in options.items() for text in option)],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(stand.ca_file)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as suite:
        assert suite.stdout is not None
        for line in suite.stdout:
            said += line
            if line.startswith(f"{stand.issuer}/authorize?"):
                with httpx.Client() as browser:
                    browser.get(stand.person().allow(line.strip()))
    assert suite.returncode == 0, said
    totals = re.search(r"Total: (\d+) passed, (\d+) failed", said)
    assert totals is not None, said
    assert int(totals[1]) >= 3
    assert totals[2] == "0"
