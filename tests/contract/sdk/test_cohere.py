"""Cohere's own client in front of four providers, and other clients in front of Cohere's own wire."""

from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import msgspec
import openai
import pytest
from cohere.core.api_error import ApiError

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route
from contract.sdk.talking import CITY, PIXEL, TALKS, Heard

PROVIDERS = ("cohere", "openai", "anthropic", "gemini")
MODELS = {
    "cohere": "command-a-03-2025",
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
}
VISION = "command-a-vision-07-2025"
EMBEDDING_MODELS = {"cohere": "embed-v4.0", "openai": "text-embedding-3-small", "gemini": "gemini-embedding-001"}
RERANK_MODELS = {"cohere": "rerank-v4.0-pro", "vllm": "bge-reranker-v2-m3"}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": CITY}}
_CLIENTS = ("openai", "anthropic", "gemini")

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])


class CohereStand(Stand):
    """Routes of Cohere's clients to every provider, and of others to Cohere."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [_routed("cohere", name, "/v2/chat", upstream) for name in PROVIDERS]
        routes += [_routed(name, "cohere", "", upstream) for name in _CLIENTS]
        embeddings, rerank = "llm/v1/embeddings", "llm/v1/rerank"
        routes += [_routed("cohere", name, "/v2/embed", upstream, embeddings) for name in EMBEDDING_MODELS]
        routes += [_routed("cohere", name, "/v2/rerank", upstream, rerank) for name in RERANK_MODELS]
        routes += [_routed("openai", "cohere", "/v1/embeddings", upstream, embeddings)]
        routes += [_routed("openai", name, "/v1/rerank", upstream, rerank) for name in RERANK_MODELS]
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [
                {"name": "key-auth", "config": {"key_names": ["authorization", "x-api-key", "x-goog-api-key"]}}
            ],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def _routed(client: str, provider: str, path: str, upstream: str, kind: str = "llm/v1/chat") -> dict[str, Any]:
    """The route of one pair to one operation."""
    name = f"{client}-{provider}"
    proxy = ai_proxy(client, provider if provider in ("anthropic", "gemini") else "openai", upstream, route_type=kind)
    proxy["config"]["model"]["provider"] = provider
    return route(f"{name}-{kind.rpartition('/')[2]}", [f"/{name}{path}"], proxy)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CohereStand]:
    """The gateway with these routes, and its provider."""
    running = CohereStand(tmp_path_factory.mktemp("cohere"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: CohereStand) -> Iterator[None]:
    yield
    place.clients.close()


NO_RETRIES: Any = {"max_retries": 0}


def client(place: Stand, provider: str, key: str = GATEWAY_KEY) -> cohere.ClientV2:
    transport = httpx.Client()
    place.clients.callback(transport.close)
    return cohere.ClientV2(api_key=key, base_url=place.base("cohere", provider), httpx_client=transport)


def asked(text: Any) -> list[Any]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def ask(sdk: cohere.ClientV2, model: str, turns: Any, stream: bool, **options: Any) -> Heard:
    """What the client makes of an answer; `turn` is what it would send back."""
    if stream:
        return _streamed(sdk.chat_stream(model=model, messages=turns, request_options=NO_RETRIES, **options))
    answer = sdk.chat(model=model, messages=turns, request_options=NO_RETRIES, **options)
    message = answer.message
    texts = [part.text for part in message.content or [] if part.type == "text"]
    heard = Heard(text="".join(texts), finish=answer.finish_reason)
    for call in message.tool_calls or []:
        assert call.function is not None
        heard.calls.append((call.id, call.function.name or "", msgspec.json.decode(call.function.arguments or "")))
    _count(heard, answer.usage)
    heard.turn = {"role": "assistant", "tool_calls": message.tool_calls, "tool_plan": message.tool_plan}
    return heard


def _streamed(stream: Iterator[Any]) -> Heard:
    """A stream read as Cohere's documentation shows it: by the type of each event."""
    heard = Heard()
    calls: list[dict[str, Any]] = []
    ended: list[int] = []
    plan = ""
    for event in stream:
        message: Any = getattr(getattr(event, "delta", None), "message", None)
        if event.type == "content-delta":
            heard.text += message.content.text or ""
        elif event.type == "tool-plan-delta":
            plan += message.tool_plan
        elif event.type == "tool-call-start":
            assert len(ended) == len(calls)
            calls.append(message.tool_calls.dict())
        elif event.type == "tool-call-delta":
            calls[event.index]["function"]["arguments"] += message.tool_calls.function.arguments
        elif event.type == "tool-call-end":
            ended.append(event.index)
        elif event.type == "message-end":
            assert event.delta.error is None, event.delta.error
            heard.finish = event.delta.finish_reason
            _count(heard, event.delta.usage)
    assert heard.finish is not None
    assert ended == list(range(len(calls)))
    for call in calls:
        function = call["function"]
        heard.calls.append((call["id"], function["name"], msgspec.json.decode(function["arguments"])))
    heard.turn = {"role": "assistant", "tool_calls": calls, "tool_plan": plan or heard.text}
    return heard


def _count(heard: Heard, usage: Any) -> None:
    assert usage is not None
    heard.input_tokens, heard.output_tokens = usage.billed_units.input_tokens, usage.billed_units.output_tokens


@every_provider
@whole_and_streamed
def test_a_question_is_answered(place: CohereStand, provider: str, stream: bool) -> None:
    heard = ask(client(place, provider), MODELS[provider], asked("Hello"), stream, max_tokens=50, p=0.9)
    assert (heard.text, heard.finish) == ('You said: "Hello".', "COMPLETE")
    assert heard.input_tokens > 3
    assert heard.output_tokens > 3
    assert place.last.wire == provider
    assert GATEWAY_KEY not in str(place.last.headers.pairs)


@every_provider
@whole_and_streamed
def test_an_answer_says_why_it_ended(place: CohereStand, provider: str, stream: bool) -> None:
    heard = ask(client(place, provider), MODELS[provider], asked("Write 50 words"), stream, max_tokens=2)
    assert heard.finish == "MAX_TOKENS"


@every_provider
@whole_and_streamed
def test_every_parallel_call_survives_and_its_result_finds_it(place: CohereStand, provider: str, stream: bool) -> None:
    sdk, model = client(place, provider), MODELS[provider]
    turns: list[Any] = asked("weather in Paris, Rome and Oslo")
    first = ask(sdk, model, turns, stream, tools=[TOOL])
    assert [(name, arguments) for _, name, arguments in first.calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Rome"}),
        ("get_weather", {"city": "Oslo"}),
    ]
    assert first.finish == "TOOL_CALL"
    assert len({call_id for call_id, _, _ in first.calls}) == 3
    skies = ("rain", "sun", "snow")
    results = [
        {"role": "tool", "tool_call_id": call_id, "content": sky}
        for (call_id, _, _), sky in zip(first.calls, skies, strict=True)
    ]
    second = ask(sdk, model, [*turns, first.turn, *results], stream, tools=[TOOL])
    said = second.text.split("get_weather says: ")[1:]
    assert [sky in words for sky, words in zip(skies, said, strict=True)] == [True] * 3
    assert second.finish == "COMPLETE"


@every_provider
def test_documents_of_a_tool_arrive(place: CohereStand, provider: str) -> None:
    sdk, model = client(place, provider), MODELS[provider]
    first = ask(sdk, model, asked("weather in Paris"), False, tools=[TOOL])
    document = {"type": "document", "document": {"data": {"sky": "rain", "celsius": 3}, "id": "d"}}
    result = {"role": "tool", "tool_call_id": first.calls[0][0], "content": [document]}
    turns = [*asked("weather in Paris"), first.turn, result]
    assert ask(sdk, model, turns, False, tools=[TOOL]).finish == "COMPLETE"
    assert b"rain" in place.last.body


@every_provider
@whole_and_streamed
def test_a_tool_can_be_demanded_and_forbidden(place: CohereStand, provider: str, stream: bool) -> None:
    sdk, model = client(place, provider), MODELS[provider]
    demanded = ask(sdk, model, asked("Hello"), stream, tools=[TOOL], tool_choice="REQUIRED")
    assert [name for _, name, _ in demanded.calls] == ["get_weather"]
    forbidden = ask(sdk, model, asked("weather in Paris"), stream, tools=[TOOL], tool_choice="NONE")
    assert forbidden.calls == []


@every_provider
def test_an_answer_keeps_to_a_schema(place: CohereStand, provider: str) -> None:
    wanted: Any = {"type": "json_object", "json_schema": CITY}
    heard = ask(client(place, provider), MODELS[provider], asked("weather in Paris"), False, response_format=wanted)
    assert msgspec.json.decode(heard.text) == {"city": "Paris"}


@every_provider
def test_a_picture_arrives(place: CohereStand, provider: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    turns = asked([{"type": "text", "text": "What is this?"}, picture])
    model = VISION if provider == "cohere" else MODELS[provider]
    assert "image/png, 70 bytes" in ask(client(place, provider), model, turns, False).text


@pytest.mark.parametrize("provider", ["cohere", "anthropic"])
def test_documents_arrive(place: CohereStand, provider: str) -> None:
    documents: Any = ["They swim.", {"data": {"title": "Penguins", "text": "They live in Antarctica."}}]
    heard = ask(client(place, provider), MODELS[provider], asked("Where?"), False, documents=documents)
    assert heard.text.count("I see one document") == 2


def test_documents_are_cited_where_the_provider_does(place: CohereStand) -> None:
    sdk, documents = client(place, "cohere"), ["They swim."]
    answer = sdk.chat(model=MODELS["cohere"], messages=asked("Where?"), documents=documents)
    assert answer.message.citations is not None
    stream = sdk.chat_stream(model=MODELS["cohere"], messages=asked("Where?"), documents=documents)
    assert "citation-start" in [event.type for event in stream]


@pytest.mark.parametrize(("provider", "model"), [("cohere", "command-a-reasoning-08-2025"), ("anthropic", None)])
def test_thinking_is_shown(place: CohereStand, provider: str, model: str | None) -> None:
    thinking: Any = {"type": "enabled", "token_budget": 1024}
    answer = client(place, provider).chat(
        model=model or MODELS[provider], messages=asked("Hello"), thinking=thinking, max_tokens=2000
    )
    assert [part.type for part in answer.message.content or []] == ["thinking", "text"]


@pytest.mark.parametrize(
    ("provider", "model"), [("cohere", MODELS["cohere"]), ("openai", "gpt-4.1"), ("gemini", MODELS["gemini"])]
)
def test_log_probabilities_are_told(place: CohereStand, provider: str, model: str) -> None:
    answer = client(place, provider).chat(model=model, messages=asked("Hello"), logprobs=True)
    assert answer.message.content is not None
    assert "".join(item.text or "" for item in answer.logprobs or []) == 'You said: "Hello".'


@every_provider
@whole_and_streamed
def test_an_unknown_model_is_coheres_error(place: CohereStand, provider: str, stream: bool) -> None:
    with pytest.raises(cohere.NotFoundError) as raised:
        ask(client(place, provider), "no-such-model", asked("Hello"), stream)
    assert "no-such-model" in raised.value.body["message"]


def test_a_wrong_key_is_coheres_error(place: CohereStand) -> None:
    with pytest.raises(cohere.UnauthorizedError) as raised:
        ask(client(place, "cohere", "nobodys-key"), MODELS["cohere"], asked("Hello"), False)
    assert raised.value.body["message"] == "Unauthorized"


@every_provider
def test_a_prompt_beside_messages_is_refused_in_clear_words(place: CohereStand, provider: str) -> None:
    more: Any = NO_RETRIES | {"additional_body_parameters": {"prompt": "Hello"}}
    with pytest.raises(cohere.BadRequestError) as raised:
        client(place, provider).chat(model=MODELS[provider], messages=asked("Hello"), request_options=more)
    assert raised.value.body["message"] == "prompt: cannot stand beside messages: say the prompt once, in messages"
    assert raised.value.body["code"] == "bad_request"


@every_provider
@pytest.mark.parametrize("fault", ["error-midstream", "truncated", "garbage-midstream", "reset-midstream"])
def test_a_stream_that_fails_never_ends_well(place: CohereStand, provider: str, fault: str) -> None:
    events: list[Any] = []
    broken = None
    turns = asked("Write 50 words")
    try:
        events.extend(client(place, provider).chat_stream(model=f"scripted-{fault}", messages=turns))
    except (httpx.HTTPError, ApiError) as error:
        broken = error
    ends = [event.delta for event in events if event.type == "message-end"]
    assert broken is not None or [end.finish_reason for end in ends] in (["ERROR"], [])
    assert all(end.error for end in ends)
    if provider != "cohere":  # where bytes pass, a stream that is cut stays one
        assert broken is not None or ends


@pytest.mark.parametrize("provider", EMBEDDING_MODELS)
def test_texts_become_vectors(place: CohereStand, provider: str) -> None:
    answer = client(place, provider).embed(
        model=EMBEDDING_MODELS[provider],
        texts=["red car", "blue sky"],
        input_type="search_document",
        embedding_types=["float"],
        output_dimension=256,
        request_options=NO_RETRIES,
    )
    assert [len(vector) for vector in answer.embeddings.float_ or []] == [256, 256]
    assert answer.texts == ["red car", "blue sky"] or provider == "cohere"
    assert place.last.wire == provider


def test_vectors_come_in_coheres_encodings_from_cohere_alone(place: CohereStand) -> None:
    wanted: Any = {"texts": ["a"], "input_type": "search_query", "embedding_types": ["int8", "base64"]}
    answer = client(place, "cohere").embed(model="embed-v4.0", **wanted)
    assert answer.embeddings.int8 is not None
    assert answer.embeddings.base64 is not None
    with pytest.raises(cohere.BadRequestError) as raised:
        client(place, "openai").embed(model="text-embedding-3-small", request_options=NO_RETRIES, **wanted)
    assert "embedding_types is not supported by provider openai" in raised.value.body["message"]


@pytest.mark.parametrize("provider", RERANK_MODELS)
def test_documents_are_ranked(place: CohereStand, provider: str) -> None:
    answer = client(place, provider).rerank(
        model=RERANK_MODELS[provider], query="red car", documents=["blue sky", "a red car", "x"], top_n=2
    )
    assert answer.results[0].index == 1
    assert len(answer.results) == 2
    assert answer.results[0].relevance_score > answer.results[1].relevance_score


# Other clients.


def openai_client(place: Stand, provider: str) -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{place.base('openai', provider)}/v1", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


@pytest.mark.parametrize("name", _CLIENTS)
@whole_and_streamed
def test_other_clients_reach_cohere(place: CohereStand, name: str, stream: bool) -> None:
    talk, model = TALKS[name](place, "cohere"), MODELS["cohere"]
    first = talk.ask(model, [talk.user("weather in Paris and Oslo")], tools=True, stream=stream)
    assert [arguments for _, _, arguments in first.calls] == [{"city": "Paris"}, {"city": "Oslo"}]
    results = talk.results(first.calls, "sun")
    turns = [talk.user("weather in Paris and Oslo"), first.turn, *results]
    second = talk.ask(model, turns, tools=True, stream=stream)
    assert second.text.count("get_weather says: ") == 2
    assert second.input_tokens > 0
    assert place.last.wire == "cohere"


@pytest.mark.parametrize("name", _CLIENTS)
def test_pictures_of_other_clients_reach_cohere(place: CohereStand, name: str) -> None:
    talk = TALKS[name](place, "cohere")
    assert "image/png, 70 bytes" in talk.ask(VISION, [talk.user("What is this?", PIXEL)]).text


@pytest.mark.parametrize("name", _CLIENTS)
@pytest.mark.parametrize("fault", ["error-midstream", "truncated", "garbage-midstream"])
def test_a_failure_of_cohere_is_one_for_other_clients(place: CohereStand, name: str, fault: str) -> None:
    talk = TALKS[name](place, "cohere")
    with pytest.raises(talk.errors):
        talk.ask(f"scripted-{fault}", [talk.user("Write 50 words")], stream=True)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openais_client_gets_vectors_of_coheres(place: CohereStand, encoding: Any) -> None:
    sdk = openai_client(place, "cohere")
    answer = sdk.embeddings.create(model="embed-v4.0", input=["a", "b"], dimensions=256, encoding_format=encoding)
    assert len(answer.data) == 2
    sizes = {"float": 256, "base64": 1368}  # of 1,024 bytes
    assert {len(each.embedding) for each in answer.data} == {sizes[encoding]}
    assert answer.usage.prompt_tokens == 2
    assert (answer.model, place.last.wire) == ("embed-v4.0", "cohere")


@pytest.mark.parametrize("provider", RERANK_MODELS)
def test_openais_client_ranks_documents(place: CohereStand, provider: str) -> None:
    body = {"model": RERANK_MODELS[provider], "query": "red car", "documents": ["blue sky", {"text": "a red car"}]}
    answer: Any = openai_client(place, provider).post("/rerank", body=body, cast_to=object)
    assert [result["index"] for result in answer["results"]] == [1, 0]
    assert answer["results"][0]["document"] == {"text": "a red car"}
    assert answer["model"] == RERANK_MODELS[provider]
