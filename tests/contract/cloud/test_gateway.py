"""The running gateway: what a cloud gives out goes into calls, and the provider checks it on what really arrives."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.cloud.endpoint import serving
from contract.cloud.fake_aws import ISSUED, KEY, KEY_ID, ROLE, Sts, bedrock
from contract.cloud.fake_azure import CLIENT, instance_metadata, openai
from contract.cloud.fake_google import TOKEN, TokenEndpoint, key_file, vertex
from e2e.gateway_process import GatewayProcess, gateway

MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
CHAT = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}
ITS_FIELDS = {
    "authorization": "Bearer the-gateways-key",
    "x-api-key": "the-gateways-key",
    "x-amz-date": "20200101T000000Z",
}
ROUTE = """
_format_version: "3.0"
routes:
- name: models
  paths: [/]
  protocols: [http]
  plugins:
  - name: ai-proxy
    config:
      route_type: llm/v1/chat
      auth: %s
      model: {provider: %s, name: "%s", model_alias: any, options: {upstream_url: "%s", %s}}
"""


async def ask(running: GatewayProcess, times: int = 1) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=running.url, headers=ITS_FIELDS, trust_env=False) as client:
        return await asyncio.gather(*(client.post("/v1/chat/completions", json=CHAT) for _ in range(times)))


def on_bedrock(address: str, sts: str, role: str = ROLE) -> str:
    auth = '{aws_access_key_id: "{vault://env/base-id}", aws_secret_access_key: "{vault://env/base-key}"}'
    more = f'bedrock: {{aws_region: eu-central-1, aws_assume_role_arn: "{role}", aws_sts_endpoint_url: "{sts}"}}'
    return ROUTE % (auth, "bedrock", MODEL, address, more)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_calls_to_bedrock_are_signed_with_the_roles_keys(workers: str, tmp_path: Path) -> None:
    async def story(configuration: str) -> tuple[list[httpx.Response], str]:
        more: dict[str, Any] = {"BASE_ID": KEY_ID, "BASE_KEY": KEY}
        arguments = ("--workers", workers, "--log-level", "debug")
        async with gateway(tmp_path, configuration, *arguments, **more) as running:
            replies = await ask(running, 20)
            replies += await ask(running, 20)
            return replies, running.log

    with serving(Sts("eu-central-1")) as sts, serving(bedrock("eu-central-1")) as models:
        replies, log = asyncio.run(story(on_bedrock(models.url, sts.url)))
    assert [reply.status_code for reply in replies] == [200] * 40
    assert {reply.json()["choices"][0]["message"]["content"] for reply in replies} == {"signed"}
    assert 1 <= len(sts.asked) <= int(workers)
    assert {asked.target for asked in models.asked} == {f"/model/{MODEL.replace(':', '%3A')}/converse"}
    assert [secret for secret in (KEY, *ISSUED[1:], "the-gateways-key") if secret in log] == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reload_keeps_what_the_cloud_gave_out(workers: str, tmp_path: Path) -> None:
    async def story(configuration: str) -> None:
        async with gateway(tmp_path, configuration, "--workers", workers, BASE_ID=KEY_ID, BASE_KEY=KEY) as running:
            await ask(running, 20)
            before = len(sts.asked)
            version = (await running.node())["configuration"]["version"]
            (tmp_path / "entresol.yaml").write_text(configuration.replace("name: models", "name: renamed"))
            running.signal(signal.SIGHUP)
            await running.node_when(lambda node: node["configuration"]["version"] != version, "reloaded")
            [reply] = await ask(running)
            assert reply.status_code == 200
            assert before <= len(sts.asked) <= int(workers)

    with serving(Sts("eu-central-1")) as sts, serving(bedrock("eu-central-1")) as models:
        asyncio.run(story(on_bedrock(models.url, sts.url)))


def test_a_role_that_is_refused_fails_calls_in_the_clients_words(tmp_path: Path) -> None:
    async def story(configuration: str) -> list[httpx.Response]:
        async with gateway(tmp_path, configuration, BASE_ID=KEY_ID, BASE_KEY=KEY) as running:
            return [*await ask(running), *await ask(running)]

    with serving(Sts("eu-central-1")) as sts, serving(bedrock("eu-central-1")) as models:
        replies = asyncio.run(story(on_bedrock(models.url, sts.url, f"{ROLE}-of-others")))
    for reply in replies:
        assert reply.status_code == 503
        assert reply.headers["x-entresol-error"] == "provider_credential_unavailable"
        assert int(reply.headers["retry-after"]) >= 1
        assert "AccessDenied" in reply.json()["error"]["message"]
    assert models.asked == []


def test_calls_to_vertex_carry_the_service_accounts_token(tmp_path: Path) -> None:
    async def story(configuration: str, key: str) -> list[httpx.Response]:
        async with gateway(tmp_path, configuration, VERTEX_KEY=key) as running:
            return await ask(running, 5)

    with serving(TokenEndpoint()) as google, serving(vertex) as models:
        auth = '{gcp_use_service_account: true, gcp_service_account_json: "{vault://env/vertex-key}"}'
        configuration = ROUTE % (auth, "vertex", "gemini-2.5-flash", models.url, "gemini: {location_id: europe-west1}")
        replies = asyncio.run(story(configuration, key_file(f"{google.url}/token")))
    assert [reply.status_code for reply in replies] == [200] * 5
    assert len(google.asked) == 1
    assert models.asked[0].path.startswith("/v1/projects/project-1/locations/europe-west1/publishers/google/models/")
    assert TOKEN not in replies[0].text


def test_calls_to_azure_carry_the_machines_token(tmp_path: Path) -> None:
    async def story(configuration: str, metadata: str) -> list[httpx.Response]:
        async with gateway(tmp_path, configuration, AZURE_POD_IDENTITY_AUTHORITY_HOST=metadata) as running:
            return await ask(running, 5)

    with serving(instance_metadata(CLIENT)) as metadata, serving(openai) as models:
        auth = f'{{azure_use_managed_identity: true, azure_client_id: "{CLIENT}"}}'
        configuration = ROUTE % (auth, "azure", "gpt", models.url, "azure_instance: x, azure_deployment_id: gpt")
        replies = asyncio.run(story(configuration, metadata.url))
    assert [reply.status_code for reply in replies] == [200] * 5
    assert metadata.steps == ["GET /metadata/identity/oauth2/token"]
