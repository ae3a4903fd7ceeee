"""Counting tokens with the official clients, whatever provider stands behind: counted by it, or else estimated."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import anthropic
import boto3
import httpx
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route
from contract.sdk.talking import CITY, PIXEL, TOOL

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
COUNTING = {
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
    "bedrock": f"eu.{CLAUDE}",
    "vertex": "gemini-3.8-flash",
    "vertex-claude": "claude-sonnet-5-5",
}
"""Providers that count, and a model of each."""
ESTIMATING = {"openai-compatible": "gpt-5.5", "bedrock-nova": "amazon.nova-pro-v1:0", "groq": "llama-3.3-70b"}
"""Providers that do not, or not for that model."""
FAILING = {"anthropic-failing": "claude-scripted-529"}
MODELS = COUNTING | ESTIMATING | FAILING
CLIENTS = ("openai", "anthropic", "gemini", "bedrock")
WORDS = "How many tokens is this sentence, more or less?"
BRIEF = "Be brief."
_SESSION = boto3.Session("AKIDEXAMPLE", "secret", region_name="eu-central-1")


class CountingStand(Stand):
    """A route of each client to each provider."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(f"{client}-{provider}", [f"/{client}-{provider}"], proxy(client, provider, upstream))
            for client in CLIENTS
            for provider in MODELS
        ]
        once = {"name": "rate-limiting", "config": {"minute": 1, "policy": "local"}}
        estimating = proxy("anthropic", "groq", upstream)
        routes.append(route("anthropic-once", ["/anthropic-once"], estimating, once))
        for name in ("anthropic-openai", "anthropic-groq"):
            own = proxy("anthropic", name.removeprefix("anthropic-"), upstream)
            own["config"]["route_type"] = "llm/v1/count_tokens"
            routes.append(route(f"own-{name}", [f"/own-{name}"], own))
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [
                {"name": "key-auth", "config": {"key_names": ["x-api-key", "x-goog-api-key", "authorization"]}}
            ],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def proxy(client: str, provider: str, upstream: str) -> dict[str, Any]:
    """The plugin for one pair."""
    name = provider.split("-")[0] if provider != "openai-compatible" else provider
    plugin = ai_proxy("openai", name if name in ("openai", "anthropic", "gemini") else "openai-compatible", upstream)
    config = plugin["config"]
    config["llm_format"], config["model"]["provider"] = client, name
    config["model"]["name"] = MODELS[provider]
    if client == "openai":
        config["route_type"] = "llm/v1/responses"
    if name == "bedrock":
        config["model"]["options"]["bedrock"] = {"aws_region": "eu-central-1"}
    if name == "vertex":
        config["model"]["options"]["gemini"] = {"project_id": "p", "location_id": "l"}
    return plugin


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingStand]:
    running = CountingStand(tmp_path_factory.mktemp("counting"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: CountingStand) -> Iterator[None]:
    yield
    place.clients.close()


def anthropic_client(place: Stand, path: str) -> anthropic.Anthropic:
    sdk = anthropic.Anthropic(base_url=f"{place.url}/{path}", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def openai_client(place: Stand, path: str) -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{place.url}/{path}/v1", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def gemini_client(place: Stand, path: str) -> genai.Client:
    sdk = genai.Client(api_key=GATEWAY_KEY, http_options=genai_types.HttpOptions(base_url=f"{place.url}/{path}"))
    place.clients.callback(sdk.close)
    return sdk


def _add_key(request: Any, **_: Any) -> None:
    request.headers["x-api-key"] = GATEWAY_KEY


def bedrock_client(place: Stand, path: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    sdk = _SESSION.client("bedrock-runtime", endpoint_url=f"{place.url}/{path}", config=config)
    sdk.meta.events.register("before-send.bedrock-runtime", _add_key)
    place.clients.enter_context(closing(sdk))
    return sdk


def ask_anthropic(place: Stand, provider: str, words: str) -> int:
    sdk = anthropic_client(place, f"anthropic-{provider}")
    messages: Any = [{"role": "user", "content": words}]
    return sdk.messages.count_tokens(model=MODELS[provider], system=BRIEF, messages=messages).input_tokens


def ask_openai(place: Stand, provider: str, words: str) -> int:
    counted = openai_client(place, f"openai-{provider}").responses.input_tokens.count(
        model=MODELS[provider], instructions=BRIEF, input=words
    )
    assert counted.object == "response.input_tokens"
    return counted.input_tokens


def ask_gemini(place: Stand, provider: str, words: str) -> int:
    sdk = gemini_client(place, f"gemini-{provider}")
    return sdk.models.count_tokens(model=MODELS[provider], contents=f"{BRIEF} {words}").total_tokens or 0


def ask_bedrock(place: Stand, provider: str, words: str) -> int:
    messages = [{"role": "user", "content": [{"text": words}]}]
    given = {"converse": {"system": [{"text": BRIEF}], "messages": messages}}
    counted = bedrock_client(place, f"bedrock-{provider}").count_tokens(modelId=MODELS[provider], input=given)
    return int(counted["inputTokens"])


ASK: dict[str, Callable[[Stand, str, str], int]] = {
    "openai": ask_openai,
    "anthropic": ask_anthropic,
    "gemini": ask_gemini,
    "bedrock": ask_bedrock,
}

every_client = pytest.mark.parametrize("client", CLIENTS)


@every_client
@pytest.mark.parametrize("provider", COUNTING)
def test_a_provider_that_counts_is_asked(place: CountingStand, client: str, provider: str) -> None:
    before = len(place.provider.received)
    short, long = ASK[client](place, provider, WORDS), ASK[client](place, provider, WORDS * 100)
    assert [each.status for each in place.provider.received][before:] == [200, 200]
    assert 10 <= short <= 25  # a token is four bytes there, and a message three more
    assert long - short == pytest.approx(len(WORDS) * 99 / 4, abs=2)


@every_client
@pytest.mark.parametrize("provider", ESTIMATING)
def test_without_one_the_gateway_estimates_and_asks_nobody(place: CountingStand, client: str, provider: str) -> None:
    before = len(place.provider.received)
    short, long = ASK[client](place, provider, WORDS), ASK[client](place, provider, WORDS * 100)
    assert len(place.provider.received) == before
    assert 10 <= short <= 40
    assert long > 20 * short


TOOLED: Any = {
    "system": [{"type": "text", "text": BRIEF, "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "the weather in Paris, and what is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": TOOL, "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "18 degrees"}]},
    ],
    "tools": [{"name": TOOL, "description": "Weather", "input_schema": CITY}],
    "tool_choice": {"type": "auto"},
}
"""What a coding agent sends."""


@pytest.mark.parametrize("provider", COUNTING | ESTIMATING)
def test_an_agents_whole_conversation_is_counted_everywhere(place: CountingStand, provider: str) -> None:
    sdk = anthropic_client(place, f"anthropic-{provider}")
    reply = sdk.messages.with_raw_response.count_tokens(model=MODELS[provider], **TOOLED)
    assert reply.parse().input_tokens > 100
    is_estimate = reply.headers.get("x-entresol-estimated") == "input_tokens"
    assert is_estimate is (provider in ESTIMATING)


def test_anthropics_beta_client_counts_too(place: CountingStand) -> None:
    for provider in ("anthropic", "vertex-claude", "openai", "groq"):
        counted = anthropic_client(place, f"anthropic-{provider}").beta.messages.count_tokens(
            model=MODELS[provider], messages=[{"role": "user", "content": WORDS}], betas=["token-counting-2024-11-01"]
        )
        assert counted.input_tokens > 0


def test_losses_are_reported_in_the_clients_words(place: CountingStand) -> None:
    sdk = anthropic_client(place, "anthropic-gemini")
    reply = sdk.messages.with_raw_response.count_tokens(model=MODELS["gemini"], **TOOLED)
    assert reply.headers["x-entresol-dropped"] == "messages[].content[].cache_control"


def test_the_body_of_an_invoked_model_is_counted_elsewhere(place: CountingStand) -> None:
    body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}'
    for provider in ("bedrock", "openai", "anthropic", "groq"):
        sdk = bedrock_client(place, f"bedrock-{provider}")
        counted = sdk.count_tokens(modelId=MODELS[provider], input={"invokeModel": {"body": body}})
        assert counted["inputTokens"] > 0


def test_a_whole_gemini_request_is_counted_everywhere(place: CountingStand) -> None:
    contents = [{"role": "user", "parts": [{"text": WORDS}]}]
    whole = {"model": "models/x", "contents": contents, "systemInstruction": {"parts": [{"text": BRIEF}]}}
    for provider, model in (COUNTING | ESTIMATING).items():
        url = f"{place.url}/gemini-{provider}/v1beta/models/{model}:countTokens"
        reply = httpx.post(url, json={"generateContentRequest": whole}, headers={"x-goog-api-key": GATEWAY_KEY})
        assert reply.status_code == 200, (provider, reply.text)
        assert reply.json()["totalTokens"] > 10


@pytest.mark.parametrize("provider", ["openai", "groq"])
def test_a_route_may_be_for_counting_alone(place: CountingStand, provider: str) -> None:
    sdk = anthropic_client(place, f"own-anthropic-{provider}")
    counted = sdk.messages.count_tokens(model=MODELS[provider], messages=[{"role": "user", "content": WORDS}])
    assert counted.input_tokens > 10


def test_keys_are_asked_for_before_anything_is_estimated(place: CountingStand) -> None:
    sdk = anthropic.Anthropic(base_url=f"{place.url}/anthropic-groq", api_key="wrong", max_retries=0)
    place.clients.callback(sdk.close)
    with pytest.raises(anthropic.AuthenticationError):
        sdk.messages.count_tokens(model=MODELS["groq"], messages=[{"role": "user", "content": WORDS}])


def test_limits_hold_for_estimates(place: CountingStand) -> None:
    sdk = anthropic_client(place, "anthropic-once")
    messages: Any = [{"role": "user", "content": WORDS}]
    assert sdk.messages.count_tokens(model=MODELS["groq"], messages=messages).input_tokens > 0
    with pytest.raises(anthropic.RateLimitError):
        sdk.messages.count_tokens(model=MODELS["groq"], messages=messages)


def test_refusals_are_the_clients_own_errors(place: CountingStand) -> None:
    openai_sdk = openai_client(place, "openai-groq")
    with pytest.raises(openai.BadRequestError, match="previous_response_id") as caught:
        openai_sdk.responses.input_tokens.count(model=MODELS["groq"], input=WORDS, previous_response_id="resp_1")
    assert caught.value.code == "unsupported_by_provider"
    nobody: Any = [{"role": "nobody", "content": "x"}]
    with pytest.raises(anthropic.BadRequestError, match="role"):
        anthropic_client(place, "anthropic-groq").messages.count_tokens(
            model=MODELS["groq"],
            messages=nobody,
        )
    with pytest.raises(genai_errors.ClientError, match="own model"):
        gemini_client(place, "gemini-groq").models.count_tokens(model="another", contents=WORDS)
    given = {"converse": {"messages": [{"role": "user", "content": [{"text": WORDS}]}]}}
    sdk = bedrock_client(place, "bedrock-groq")
    with pytest.raises(ClientError, match="own model"):
        sdk.count_tokens(modelId="another", input=given)


@every_client
def test_a_providers_error_is_the_clients_own(place: CountingStand, client: str) -> None:
    errors = (anthropic.InternalServerError, openai.InternalServerError, genai_errors.ServerError, ClientError)
    with pytest.raises(errors, match=r"(?i)529|overloaded"):
        ASK[client](place, "anthropic-failing", WORDS)
