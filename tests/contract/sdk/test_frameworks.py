"""Libraries that others build agents with, each as its users have it: only the base URL is the gateway's."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from mistralai.client import Mistral
from openai import AsyncOpenAI
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.run import AgentRunResult

from contract.sdk.stand import GATEWAY_KEY, MODELS, PROVIDERS, Stand
from contract.sdk.talking import CITY, TOOL

LITELLM = Path(sys.executable).parent.parent / "litellm" / "bin" / "python"
LITELLM_CALLS = Path(__file__).parent / "litellm_calls.py"


class Weather(BaseModel):
    """What an agent is to find out."""

    city: str
    degrees: int


def langchain(stand: Stand, provider: str) -> ChatOpenAI:
    url = f"{stand.base('openai', provider)}/v1"
    return ChatOpenAI(model=MODELS[provider], base_url=url, api_key=SecretStr(GATEWAY_KEY), max_retries=0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_langchain_calls_a_tool_and_goes_on(stand: Stand, provider: str) -> None:
    tool = {"type": "function", "function": {"name": TOOL, "description": "Current weather", "parameters": CITY}}
    model = langchain(stand, provider).bind_tools([tool])
    question = HumanMessage("What is the weather in Paris and Tokyo?")
    first = model.invoke([question])
    assert isinstance(first, AIMessage)
    assert [(call["name"], call["args"]["city"]) for call in first.tool_calls] == [(TOOL, "Paris"), (TOOL, "Tokyo")]
    results = [ToolMessage("18 degrees", tool_call_id=call["id"]) for call in first.tool_calls]
    second = model.invoke([question, first, *results])
    assert str(second.content).count("18 degrees") == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_langchain_streams_with_usage(stand: Stand, provider: str) -> None:
    chunks = list(langchain(stand, provider).stream("Hello", stream_usage=True))
    assert "".join(str(chunk.content) for chunk in chunks) == 'You said: "Hello".'
    usage = next(chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata)
    assert usage["output_tokens"] == 5


def test_langchain_embeds(stand: Stand) -> None:
    url = f"{stand.base('openai', 'openai')}/v1"
    embeddings = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=url,
        api_key=SecretStr(GATEWAY_KEY),
        check_embedding_ctx_length=False,
    )
    first, second = embeddings.embed_documents(["one", "two"])
    assert len(first) == len(second) > 1
    assert first != second


async def run_agent(stand: Stand, provider: str, question: str, **options: Any) -> AgentRunResult[Any]:
    """A run of an agent that has one tool. Its client is closed, so that none is left to the collector."""
    async with AsyncOpenAI(base_url=f"{stand.base('openai', provider)}/v1", api_key=GATEWAY_KEY) as client:
        endpoint = OpenAIProvider(openai_client=client)
        agent = Agent(OpenAIChatModel(MODELS[provider], provider=endpoint), **options)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Current weather."""
            return f"18 degrees in {city}"

        return await agent.run(question)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pydantic_ai_runs_an_agent_with_a_tool(stand: Stand, provider: str) -> None:
    result = asyncio.run(run_agent(stand, provider, "What is the weather in Paris and Tokyo?"))
    assert "18 degrees in Paris" in result.output
    assert "18 degrees in Tokyo" in result.output
    assert result.usage.output_tokens > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pydantic_ai_gets_a_typed_answer(stand: Stand, provider: str) -> None:
    result = asyncio.run(run_agent(stand, provider, "Give me 18 degrees", output_type=NativeOutput(Weather)))
    assert isinstance(result.output, Weather)
    assert result.output.degrees == 18


@pytest.mark.parametrize("provider", PROVIDERS)
def test_mistrals_client_speaks_to_every_provider(stand: Stand, provider: str) -> None:
    with Mistral(api_key=GATEWAY_KEY, server_url=stand.base("openai", provider)) as client:
        turns: Any = [{"role": "user", "content": "Hello"}]
        answer = client.chat.complete(model=MODELS[provider], messages=turns, max_tokens=500)
        assert answer.choices[0].message is not None
        assert answer.choices[0].message.content == 'You said: "Hello".'
        assert answer.usage.completion_tokens == 5
        text = ""
        with client.chat.stream(model=MODELS[provider], messages=turns, max_tokens=500) as events:
            for event in events:
                content = event.data.choices[0].delta.content
                text += content if isinstance(content, str) else ""
        assert text == 'You said: "Hello".'


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_mistrals_client_streams_calls_of_other_providers(stand: Stand, provider: str) -> None:
    """It refuses pieces of a call that have no name, which OpenAI's own have not."""
    tools: Any = [{"type": "function", "function": {"name": TOOL, "description": "Weather", "parameters": CITY}}]
    turns: Any = [{"role": "user", "content": "What is the weather in Paris and Tokyo?"}]
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    with (
        Mistral(api_key=GATEWAY_KEY, server_url=stand.base("openai", provider)) as client,
        client.chat.stream(model=MODELS[provider], messages=turns, max_tokens=500, tools=tools) as events,
    ):
        for event in events:
            calls = event.data.choices[0].delta.tool_calls if event.data.choices else None
            for call in calls or ():
                at, more = call.index or 0, call.function.arguments
                names[at] = names.get(at, "") + call.function.name
                arguments[at] = arguments.get(at, "") + (more if isinstance(more, str) else json.dumps(more))
    assert names == {0: TOOL, 1: TOOL}
    assert [json.loads(arguments[at])["city"] for at in names] == ["Paris", "Tokyo"]


@pytest.mark.skipif(
    not LITELLM.exists() and "CI" not in os.environ, reason="litellm is not installed: make .venv/litellm.done"
)
@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_litellms_client_speaks_to_every_provider(stand: Stand, client: str) -> None:
    version = "/v1" if client == "openai" else ""
    asked = [
        {"model": f"{client}/{MODELS[each]}", "api_base": stand.base(client, each) + version, "api_key": GATEWAY_KEY}
        for each in PROVIDERS
    ]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [str(LITELLM), str(LITELLM_CALLS), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    words = 'You said: "Hello".'
    expected = {"whole": words, "streamed": words, "finish": "stop", "tokens": 5, "calls": [[TOOL, {"city": "Paris"}]]}
    assert json.loads(done.stdout.splitlines()[-1]) == [expected] * len(PROVIDERS)
