"""A node with a store: set up in a browser, keys by the command line, tokens by OAuth, as real processes."""

import asyncio
import html
import json
import os
import re
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from e2e.gateway_process import GatewayProcess, eventually, gateway, one_service, upstream
from entresol.net.worker_sockets import bind_for_workers

WORKERS = pytest.mark.parametrize("workers", [1, 2])
PASSWORD = "nine blue whales sing"
VERIFIER = "v" * 43


def free_address() -> str:
    [sock] = bind_for_workers("127.0.0.1:0", 1)
    with sock:
        return f"127.0.0.1:{sock.getsockname()[1]}"


class Node:
    """A node with a store, and its command line."""

    def __init__(self, process: GatewayProcess, issuer: str, environment: dict[str, str]) -> None:
        self.process = process
        self.issuer = issuer
        self.environment = environment

    async def said(self, *arguments: str) -> list[str]:
        """What a command prints."""
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "entresol", *arguments),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await command.communicate()
        assert command.returncode == 0, out
        return out.decode().splitlines()

    async def statuses(self, credential: str) -> set[int]:
        """What calls with a key or token come to, on connections of their own: every worker answers some."""
        found = set()
        for _ in range(12):
            async with httpx.AsyncClient() as client:
                fields = {"authorization": f"Bearer {credential}"}
                found.add((await client.get(f"{self.process.url}/api/hello", headers=fields)).status_code)
        return found

    async def soon(self, credential: str, status: int) -> None:
        """Every worker comes to this."""

        async def look() -> bool | None:
            return True if await self.statuses(credential) == {status} else None

        await eventually(look, f"{status} for all")


@asynccontextmanager
async def node(folder: Path, workers: int) -> AsyncIterator[Node]:
    address = free_address()
    environment = {
        "ENTRESOL_STORE__URL": f"sqlite:///{folder / 'store.db'}",
        "ENTRESOL_IDENTITY__LISTEN": address,
        "ENTRESOL_IDENTITY__ISSUER": f"http://{address}",
        "ENTRESOL_IDENTITY__RESOURCES": "http://127.0.0.1:8000",
        "ENTRESOL_IDENTITY__REGISTRATION": "open",
    }
    plugins = "[{name: identity-auth, config: {resource: 'http://127.0.0.1:8000'}}]"
    async with upstream() as up:
        configuration = one_service(up.url, plugins=plugins)
        async with gateway(folder, configuration, "--workers", str(workers), **environment) as process:
            yield Node(process, f"http://{address}", {**os.environ, **environment})


async def submit(browser: httpx.AsyncClient, page: httpx.Response, **typed: str) -> httpx.Response:
    """Send the first form of a page."""
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    assert action is not None, page.text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    return await browser.post(action[1], data={name: html.unescape(value) for name, value in hidden.items()} | typed)


async def set_up(there: Node, browser: httpx.AsyncClient) -> None:
    page = await browser.get((await there.said("init"))[-1])
    done = await submit(browser, page, organisation="Acme", username="root", password=PASSWORD, again=PASSWORD)
    assert done.status_code == 303, done.text


async def token_for(there: Node, browser: httpx.AsyncClient) -> str:
    """An access token, as a client of its own gets one."""
    redirect = "https://app.example/cb"
    client = (await browser.post("/register", json={"redirect_uris": [redirect], "client_name": "App"})).json()
    asked = {
        "response_type": "code", "client_id": client["client_id"], "redirect_uri": redirect, "state": "s",
        "code_challenge": urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256", "resource": "http://127.0.0.1:8000", "scope": "llm",
    }  # fmt: skip
    page = await browser.get("/authorize", params=asked)
    assert "Allow App?" in page.text
    back = urlsplit((await submit(browser, page, decision="allow")).headers["location"])
    form = {
        "grant_type": "authorization_code", "code": parse_qs(back.query)["code"][0], "redirect_uri": redirect,
        "client_id": client["client_id"], "code_verifier": VERIFIER,
    }  # fmt: skip
    if "client_secret" in client:
        form["client_secret"] = client["client_secret"]
    answer = await browser.post("/token", data=form)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@WORKERS
def test_a_gateway_is_set_up_and_lets_in_who_has_a_key_or_a_token(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with node(tmp_path, workers) as there, httpx.AsyncClient(base_url=there.issuer) as browser:
            assert await there.statuses("esk_nothing") == {401}
            await set_up(there, browser)
            key = (await there.said("keys", "create", "--for", "user:root", "--name", "k"))[-1]
            await there.soon(key, 200)
            key_id = (await there.said("keys", "list"))[0].split(" ")[0]
            token = await token_for(there, browser)
            await there.soon(token, 200)
            await there.said("keys", "revoke", key_id)
            await there.soon(key, 401)
            await there.said("users", "disable", "root")
            await there.soon(token, 401)
            assert (await browser.get("/account")).status_code == 303
            log = there.process.log
            assert key not in log
            assert token not in log
            assert PASSWORD not in log

    asyncio.run(scenario())


def test_with_its_store_gone_a_node_goes_on_with_the_last_keys(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with node(tmp_path, 2) as there:
            key = (await there.said("keys", "create", "--for", "service:ci", "--name", "k"))[-1]
            await there.soon(key, 200)
            for file in tmp_path.glob("store.db*"):
                file.rename(tmp_path / f"gone-{file.name}")
            (tmp_path / "store.db").mkdir()
            await there.soon(key, 200)
            assert await there.statuses("esk_nothing") == {401}

    asyncio.run(scenario())


@WORKERS
def test_the_command_line_signs_in_and_the_admin_api_makes_keys_that_every_worker_takes(
    tmp_path: Path, workers: int
) -> None:
    async def scenario() -> None:
        async with node(tmp_path, workers) as there, httpx.AsyncClient(base_url=there.issuer) as browser:
            there.environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
            await set_up(there, browser)
            login = await asyncio.create_subprocess_exec(
                *(sys.executable, "-u", "-m", "entresol", "login"),
                env=there.environment,
                stdout=asyncio.subprocess.PIPE,
            )
            assert login.stdout is not None
            page = (await login.stdout.readline()).decode().removeprefix("open ").strip()
            assert page.startswith(f"{there.issuer}/device?user_code=")
            asked = await submit(browser, await browser.get(page), code=page.rpartition("=")[2])
            assert "Let Entresol command line in?" in asked.text
            assert "It is let in" in (await submit(browser, asked, decision="allow")).text
            out, _ = await login.communicate()
            assert login.returncode == 0, out
            assert b"signed in as" in out
            said = await there.said("whoami")
            assert any(line.startswith("roles") and "owner" in line for line in said)
            token = json.loads((tmp_path / "config/entresol/login.json").read_text())[there.issuer]["access_token"]
            fields = {"authorization": f"Bearer {token}"}
            made = await browser.post("/admin/v1/keys", headers=fields, json={"name": "by API"})
            assert made.status_code == 201, made.text
            await there.soon(made.json()["key"], 200)
            await browser.delete(made.headers["location"], headers=fields)
            await there.soon(made.json()["key"], 401)
            assert await there.statuses(token) == {401}  # a token for the Admin API opens nothing else
            assert "signed out" in (await there.said("logout"))[0]

    asyncio.run(scenario())
