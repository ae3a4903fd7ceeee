"""oauth4webapi, openid-client and the MCP SDK of npm as relying parties."""

import json
import os
import subprocess
from typing import Any

from contract.oauth.node_packages import FOLDER, installed, node
from contract.oauth.stand import Stand
from entresol.core.fetching import FetchResponse


def run(package: str, stand: Stand, script: str, *arguments: str) -> dict[str, Any]:
    """What the script for a package found."""
    installed(package)
    done = subprocess.run(
        [node(), FOLDER / script, stand.issuer, stand.resource.url, *arguments],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(stand.ca_file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_oauth4webapi_takes_every_answer_of_a_pushed_and_bound_flow(stand: Stand) -> None:
    found = run("oauth4webapi", stand, "oauth4webapi.mjs")
    assert found["oauth2"] == found["oidc"] == stand.issuer
    assert found["resource"] == stand.resource.url
    assert found["token_type"] == "dpop"
    assert (found["claims"]["iss"], found["claims"]["sub"]) == (stand.issuer, "ada")
    assert found["answer"]["sub"] == "ada"
    assert "mcp" in found["answer"]["scope"].split()
    assert found["rotated"] is True
    assert found["refusal"] == "login_required"


def test_openid_client_registers_returns_to_a_free_port_and_revokes(stand: Stand) -> None:
    found = run("openid-client", stand, "openid-client.mjs")
    assert found["answered"] == "http://127.0.0.1:53682"
    assert found["claims"]["sub"] == found["answer"]["sub"] == "ada"
    assert found["rotated"] is True
    assert found["refusal"] == "invalid_grant"


def test_the_mcp_sdk_registers_or_shows_its_document_and_refreshes(stand: Stand) -> None:
    document = "https://editor.example/client.json"
    members = {
        "client_id": document,
        "client_name": "Editor",
        "redirect_uris": ["http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    stand.gateway.web[document] = FetchResponse(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(members).encode()
    )
    found = run("@modelcontextprotocol/sdk", stand, "mcp-sdk.mjs", document)
    for way in ("registered", "document"):
        assert found[way]["steps"] == ["REDIRECT", "AUTHORIZED", "AUTHORIZED"]
        assert found[way]["rotated"] is True
        assert found[way]["answer"]["sub"] == "ada"
        assert found[way]["answer"]["client"] == found[way]["client"]
    assert found["document"]["client"] == document


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
