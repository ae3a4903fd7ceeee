"""Ollama's own client in front of four providers, and other clients in front of Ollama's own wire."""

from collections.abc import Iterator
from typing import Any

import msgspec
import ollama
import pytest

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route
from contract.sdk.talking import CITY, PIXEL, TALKS

PROVIDERS = ("ollama", "openai", "anthropic", "gemini")
MODELS = {
    "ollama": "llama3.2",
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
}
EMBEDDING_MODELS = {
    "ollama": "nomic-embed-text",
    "openai": "text-embedding-3-small",
    "gemini": "gemini-embedding-001",
}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": CITY}}
_CLIENTS = ("openai", "anthropic", "gemini")

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])


class OllamaStand(Stand):
    """Routes of Ollama's clients to every provider, and of others to Ollama."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(f"ollama-{provider}", [f"/ollama-{provider}/api"], proxy("ollama", provider, upstream))
            for provider in PROVIDERS
        ]
        routes += [
            route(f"{client}-ollama", [f"/{client}-ollama"], proxy(client, "ollama", upstream)) for client in _CLIENTS
        ]
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [
                {"name": "key-auth", "config": {"key_names": ["authorization", "x-api-key", "x-goog-api-key"]}}
            ],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def proxy(client: str, provider: str, upstream: str) -> dict[str, Any]:
    """The plugin for one pair; a local Ollama wants no key."""
    if provider != "ollama":
        return ai_proxy(client, provider, upstream)
    model = {"provider": "ollama", "options": {"upstream_url": upstream}}
    config: dict[str, Any] = {"route_type": "llm/v1/chat", "llm_format": client, "model": model}
    if client == "openai":  # which passes to /v1, where the stand-in wants one
        config["auth"] = {"header_name": "Authorization", "header_value": "Bearer scripted-key"}
    return {"name": "ai-proxy", "config": config}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaStand]:
    """The gateway with these routes, and its provider."""
    running = OllamaStand(tmp_path_factory.mktemp("ollama"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: OllamaStand) -> Iterator[None]:
    yield
    place.clients.close()


def client(place: Stand, provider: str, key: str = GATEWAY_KEY) -> ollama.Client:
    sdk = ollama.Client(host=place.base("ollama", provider), headers={"x-api-key": key})
    place.clients.callback(sdk.close)
    return sdk


def asked(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text, **more}]


def heard(answer: Any) -> ollama.Message:
    """The message of an answer, also of one that comes in pieces; it must be complete."""
    if isinstance(answer, ollama.ChatResponse):
        assert answer.done
        return answer.message
    chunks = list(answer)
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].eval_count > 0
    return ollama.Message(
        role="assistant",
        content="".join(chunk.message.content or "" for chunk in chunks),
        thinking="".join(chunk.message.thinking or "" for chunk in chunks) or None,
        tool_calls=[call for chunk in chunks for call in chunk.message.tool_calls or []] or None,
    )


@every_provider
@whole_and_streamed
def test_a_question_is_answered(place: OllamaStand, provider: str, stream: Any) -> None:
    answer = client(place, provider).chat(MODELS[provider], asked("Hello"), stream=stream, options={"num_predict": 50})
    assert heard(answer).content == 'You said: "Hello".'
    assert place.last.wire == provider
    assert GATEWAY_KEY not in str(place.last.headers.pairs)


@every_provider
def test_an_answer_says_what_it_cost_and_why_it_ended(place: OllamaStand, provider: str) -> None:
    answer = client(place, provider).chat(MODELS[provider], asked("Write 50 words"), options={"num_predict": 2})
    assert (answer.done_reason, answer.model) == ("length", MODELS[provider])
    assert (answer.prompt_eval_count or 0) > 5
    assert answer.created_at is not None
    assert answer.created_at.startswith("20")


@every_provider
@whole_and_streamed
def test_tools_are_called_and_answered_though_the_client_keeps_no_ids(
    place: OllamaStand, provider: str, stream: Any
) -> None:
    sdk, model = client(place, provider), MODELS[provider]
    turns: list[Any] = asked("weather in Paris and Oslo")
    message = heard(sdk.chat(model, turns, tools=[TOOL], stream=stream))
    calls = message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Oslo"}),
    ]
    results = [ollama.Message(role="tool", tool_name="get_weather", content=text) for text in ("rain", "snow")]
    second = heard(sdk.chat(model, [*turns, message, *results], tools=[TOOL], stream=stream))
    assert second.content is not None
    assert "rain" in second.content
    assert second.content.index("rain") < second.content.index("snow")


@every_provider
def test_an_answer_keeps_to_a_schema(place: OllamaStand, provider: str) -> None:
    answer = client(place, provider).chat(MODELS[provider], asked("weather in Paris"), format=CITY)
    assert msgspec.json.decode(answer.message.content or "") == {"city": "Paris"}


@every_provider
def test_a_picture_arrives(place: OllamaStand, provider: str) -> None:
    turns = asked("What is this?", images=[PIXEL])
    assert "image/png, 70 bytes" in (client(place, provider).chat(MODELS[provider], turns).message.content or "")


@pytest.mark.parametrize("provider", ["ollama", "anthropic", "gemini"])
@whole_and_streamed
def test_thinking_is_shown(place: OllamaStand, provider: str, stream: Any) -> None:
    message = heard(client(place, provider).chat(MODELS[provider], asked("Hello"), think=True, stream=stream))
    assert "tokens" in (message.thinking or "")
    assert message.content == 'You said: "Hello".'


@pytest.mark.parametrize("provider", ["ollama", "openai", "gemini"])
def test_log_probabilities_are_told(place: OllamaStand, provider: str) -> None:
    model = "gpt-4.1" if provider == "openai" else MODELS[provider]  # models that think tell none
    answer = client(place, provider).chat(model, asked("Hello"), logprobs=True, top_logprobs=1)
    assert answer.logprobs is not None
    assert "".join(entry.token for entry in answer.logprobs) == answer.message.content
    assert all(entry.top_logprobs for entry in answer.logprobs)


@every_provider
@whole_and_streamed
def test_a_prompt_is_completed(place: OllamaStand, provider: str, stream: Any) -> None:
    answer: Any = client(place, provider).generate(MODELS[provider], "Hello", system="Be brief.", stream=stream)
    chunks = list(answer) if stream else [answer]
    assert "".join(chunk.response for chunk in chunks) == 'You said: "Hello".'
    assert (chunks[-1].done, chunks[-1].done_reason) == (True, "stop")


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "ollama"])
def test_what_only_ollama_can_do_is_refused(place: OllamaStand, provider: str) -> None:
    with pytest.raises(ollama.ResponseError, match="raw is not supported") as raised:
        client(place, provider).generate(MODELS[provider], "Hello", raw=True)
    assert raised.value.status_code == 400
    answered = client(place, "ollama").generate("llama3.2", "Hello", raw=True)
    assert answered.response == 'You said: "Hello".'


@pytest.mark.parametrize("provider", EMBEDDING_MODELS)
def test_texts_become_vectors(place: OllamaStand, provider: str) -> None:
    answer = client(place, provider).embed(EMBEDDING_MODELS[provider], ["red car", "blue sky"], dimensions=16)
    assert [len(vector) for vector in answer.embeddings] == [16, 16]
    assert place.last.wire == provider


@every_provider
@whole_and_streamed
def test_an_unknown_model_is_ollamas_error(place: OllamaStand, provider: str, stream: Any) -> None:
    with pytest.raises(ollama.ResponseError, match="no-such-model") as raised:
        heard(client(place, provider).chat("no-such-model", asked("Hello"), stream=stream))
    assert raised.value.status_code == 404


def test_a_wrong_key_is_ollamas_error(place: OllamaStand) -> None:
    with pytest.raises(ollama.ResponseError, match="Unauthorized") as raised:
        client(place, "ollama", "nobodys-key").chat("llama3.2", asked("Hello"))
    assert raised.value.status_code == 401


@every_provider
@pytest.mark.parametrize("fault", ["error-midstream", "garbage-midstream", "truncated", "reset-midstream"])
def test_a_stream_that_fails_raises_and_never_ends_well(place: OllamaStand, provider: str, fault: str) -> None:
    chunks: list[ollama.ChatResponse] = []
    stream = client(place, provider).chat(f"scripted-{fault}", asked("Write 50 words"), stream=True)
    with pytest.raises((ollama.ResponseError, ValueError)):  # what is garbage passes from Ollama, and is not JSON
        chunks.extend(stream)
    assert not any(chunk.done for chunk in chunks)


@pytest.mark.parametrize("name", ["anthropic", "gemini", "openai"])
@whole_and_streamed
def test_other_clients_reach_ollama(place: OllamaStand, name: str, stream: bool) -> None:
    talk, model = TALKS[name](place, "ollama"), "gpt-oss"
    first = talk.ask(model, [talk.user("weather in Paris and Oslo")], tools=True, stream=stream)
    assert [arguments for _, _, arguments in first.calls] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert len({call_id for call_id, _, _ in first.calls}) == 2 or name == "gemini"
    results = talk.results(first.calls, "sun")
    turns = [talk.user("weather in Paris and Oslo"), first.turn, *results]
    second = talk.ask(model, turns, tools=True, stream=stream)
    assert "get_weather says: " in second.text
    assert second.input_tokens > 0
    assert place.last.wire == ("openai" if name == "openai" else "ollama")  # OpenAI's bytes pass to Ollama's own /v1


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_pictures_of_other_clients_reach_ollama(place: OllamaStand, name: str) -> None:
    talk = TALKS[name](place, "ollama")
    assert "image/png, 70 bytes" in talk.ask("llava", [talk.user("What is this?", PIXEL)]).text


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
@pytest.mark.parametrize("fault", ["error-midstream", "truncated"])
def test_a_failure_of_ollama_is_one_for_other_clients(place: OllamaStand, name: str, fault: str) -> None:
    talk = TALKS[name](place, "ollama")
    with pytest.raises(talk.errors):
        talk.ask(f"scripted-{fault}", [talk.user("Write 50 words")], stream=True)
