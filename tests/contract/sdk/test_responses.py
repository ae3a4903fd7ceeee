"""OpenAI's client with Responses, in front of four providers: of one bytes pass, to the others they are translated."""

from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from contract.sdk.stand import CLIENTS, GATEWAY_KEY, MODELS, PROVIDERS, WIRES, Stand, ai_proxy, route
from contract.sdk.talking import CITY, PIXEL
from contract.sdk.test_features import signature_in

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather",
    "parameters": CITY | {"additionalProperties": False},
    "strict": True,
}
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
MIDSTREAM = ("error", "reset", "garbage")

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
translated = pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "openai"])
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])


class ResponsesStand(Stand):
    """Routes for Responses to every provider."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        return {
            "_format_version": "3.0",
            "routes": [
                route(
                    f"responses-{provider}",
                    [f"/openai-{provider}/v1/responses"],
                    ai_proxy(CLIENTS[0], provider, upstream, route_type="llm/v1/responses"),
                )
                for provider in PROVIDERS
            ],
            "plugins": [{"name": "key-auth", "config": {"key_names": ["authorization"]}}],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResponsesStand]:
    """The gateway with these routes, and its provider."""
    running = ResponsesStand(tmp_path_factory.mktemp("responses"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: ResponsesStand) -> Iterator[None]:
    yield
    place.clients.close()


def client(place: Stand, provider: str) -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{place.base('openai', provider)}/v1", api_key=GATEWAY_KEY, max_retries=0)
    place.clients.callback(sdk.close)
    return sdk


def ask(place: Stand, provider: str, given: Any, stream: bool, model: str = "", **options: Any) -> Response:
    """The response, also of a stream, whose last event holds it."""
    sdk, model = client(place, provider), model or MODELS[provider]
    if not stream:
        whole = sdk.responses.create(model=model, input=given, **options)
        assert isinstance(whole, Response)
        return whole
    with sdk.responses.create(model=model, input=given, stream=True, **options) as events:
        *_, last = events
    if last.type == "error":  # which this client takes for an event like any other
        raise ValueError(last.message)
    assert last.type in ("response.completed", "response.incomplete")
    assert isinstance(last.response, Response)
    return last.response


def sent_back(response: Response) -> list[Any]:
    """The output as the client's documentation sends it back."""
    return [item.model_dump(exclude_none=True) for item in response.output]


def calls_of(response: Response) -> list[tuple[str, str, Any]]:
    calls = [item for item in response.output if item.type == "function_call"]
    return [(call.call_id, call.name, msgspec.json.decode(call.arguments)) for call in calls]


@every_provider
@whole_and_streamed
def test_a_question_is_answered(place: ResponsesStand, provider: str, stream: bool) -> None:
    response = ask(place, provider, "Hello", stream, instructions="Be brief.", max_output_tokens=500)
    assert response.output_text == 'You said: "Hello".'
    assert (response.status, response.model, response.object) == ("completed", MODELS[provider], "response")
    assert response.usage is not None
    assert response.usage.input_tokens > 0
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert place.last.wire == WIRES.get(provider, provider)
    assert "Be brief." in str(place.last.json)
    assert GATEWAY_KEY not in str(place.last.headers.pairs)


@every_provider
def test_a_stream_is_the_answer_in_pieces(place: ResponsesStand, provider: str) -> None:
    with client(place, provider).responses.stream(model=MODELS[provider], input="Write 50 words") as stream:
        events = list(stream)
        response = stream.get_final_response()
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == response.output_text
    assert response.output_text == ask(place, provider, "Write 50 words", False).output_text
    assert [event.sequence_number for event in events] == sorted({event.sequence_number for event in events})


@every_provider
@whole_and_streamed
def test_tools_are_called_at_once_and_answered(place: ResponsesStand, provider: str, stream: bool) -> None:
    turns: list[Any] = [{"role": "user", "content": "weather in Paris and Oslo"}]
    first = ask(place, provider, turns, stream, tools=[TOOL])
    assert [(name, arguments) for _, name, arguments in calls_of(first)] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Oslo"}),
    ]
    turns += sent_back(first)
    for (call_id, _, _), result in zip(calls_of(first), ("rain", "snow"), strict=True):
        turns.append({"type": "function_call_output", "call_id": call_id, "output": result})
    second = ask(place, provider, turns, stream, tools=[TOOL])
    assert "rain" in second.output_text
    assert second.output_text.index("rain") < second.output_text.index("snow")


@every_provider
def test_one_tool_must_be_called(place: ResponsesStand, provider: str) -> None:
    choice: Any = {"type": "function", "name": "get_weather"}
    response = ask(
        place, provider, "Say hello in Rome", False, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False
    )
    assert [name for _, name, _ in calls_of(response)] == ["get_weather"]


class City(BaseModel):
    """What the model is to answer with."""

    name: str
    population: int


@every_provider
def test_an_answer_keeps_to_a_shape(place: ResponsesStand, provider: str) -> None:
    parsed = client(place, provider).responses.parse(model=MODELS[provider], input="A city", text_format=City)
    assert isinstance(parsed.output_parsed, City)


@every_provider
def test_pictures_and_documents_arrive(place: ResponsesStand, provider: str) -> None:
    parts: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
    ]
    said = ask(place, provider, [{"role": "user", "content": parts}], False).output_text
    assert "one image (image/png, 70 bytes)" in said
    assert "one document (application/pdf" in said


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
@whole_and_streamed
def test_signed_reasoning_comes_home_in_a_tool_loop(place: ResponsesStand, provider: str, stream: bool) -> None:
    options: dict[str, Any] = {
        "tools": [TOOL],
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "max_output_tokens": 20_000,
    }
    turns: list[Any] = [{"role": "user", "content": "weather in Rome"}]
    first = ask(place, provider, turns, stream, **options)
    assert "reasoning" in [item.type for item in first.output]
    turns += sent_back(first)
    turns.append({"type": "function_call_output", "call_id": calls_of(first)[0][0], "output": "sunny"})
    assert "sunny" in ask(place, provider, turns, stream, **options).output_text
    assert signature_in(place.last.json, provider)


@whole_and_streamed
def test_openais_own_reasoning_passes_in_a_tool_loop(place: ResponsesStand, stream: bool) -> None:
    options: dict[str, Any] = {"tools": [TOOL], "include": ["reasoning.encrypted_content"], "store": False}
    options["reasoning"] = {"effort": "low", "summary": "auto"}
    turns: list[Any] = [{"role": "user", "content": "weather in Rome"}]
    first = ask(place, "openai", turns, stream, **options)
    turns += sent_back(first)
    turns.append({"type": "function_call_output", "call_id": calls_of(first)[0][0], "output": "sunny"})
    assert "sunny" in ask(place, "openai", turns, stream, **options).output_text
    sealed = [item.get("encrypted_content", "") for item in place.last.json["input"] if item.get("type") == "reasoning"]
    assert [text[:4] for text in sealed] == ["gAAA"]


@every_provider
@whole_and_streamed
def test_an_answer_that_is_too_long_is_incomplete(place: ResponsesStand, provider: str, stream: bool) -> None:
    response = ask(place, provider, "Write 200 words", stream, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


@every_provider
@whole_and_streamed
def test_a_refusal_is_told(place: ResponsesStand, provider: str, stream: bool) -> None:
    response = ask(place, provider, "Hello", stream, "scripted-refusal")
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    is_refused = any(part.type == "refusal" for part in parts)
    assert is_refused or response.status == "incomplete" or response.output_text == ""


@translated
@pytest.mark.parametrize(
    ("field", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True), ("prompt", {"id": "p"})],
)
def test_a_state_that_the_provider_does_not_keep_is_refused(
    place: ResponsesStand, provider: str, field: str, value: Any
) -> None:
    before = len(place.provider.received)
    with pytest.raises(openai.BadRequestError, match=field) as caught:
        ask(place, provider, "Hello", False, **{field: value})
    assert caught.value.code == "unsupported_by_provider"
    assert len(place.provider.received) == before


def test_openai_itself_says_that_it_keeps_no_such_response(place: ResponsesStand) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(place, "openai", "Hello", False, previous_response_id="resp_1")
    assert caught.value.code == "previous_response_not_found"


@translated
def test_what_is_left_out_is_told(place: ResponsesStand, provider: str) -> None:
    raw = client(place, provider).responses.with_raw_response.create(
        model=MODELS[provider], input="Hello", store=True, text={"verbosity": "low"}
    )
    assert raw.headers["x-entresol-dropped"].split(", ")[:2] == ["text.verbosity", "store"]


def test_fields_that_are_newer_than_the_gateway_pass(place: ResponsesStand) -> None:
    with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'novel'"):
        ask(place, "openai", "Hello", False, extra_body={"novel": 1})


@every_provider
@whole_and_streamed
def test_a_limit_is_told_as_such(place: ResponsesStand, provider: str, stream: bool) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ask(place, provider, "Hello", stream, "scripted-429-13")
    assert caught.value.response.headers["retry-after"] == "13"


@every_provider
@pytest.mark.parametrize("fault", MIDSTREAM)
def test_a_stream_that_fails_is_never_a_success(place: ResponsesStand, provider: str, fault: str) -> None:
    with pytest.raises((openai.APIError, ValueError)):
        ask(place, provider, "Write 50 words", True, f"scripted-{fault}-midstream")


@every_provider
def test_an_answer_that_is_no_json_is_an_error(place: ResponsesStand, provider: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        ask(place, provider, "Hello", False, "scripted-garbage")
    assert caught.value.status_code == 502
    assert caught.value.code == "provider_bad_response"


@every_provider
def test_a_call_of_another_wire_is_refused(place: ResponsesStand, provider: str) -> None:
    sdk = client(place, provider)
    body = {"model": MODELS[provider], "messages": [{"role": "user", "content": "Hello"}]}
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.post("/responses", body=body, cast_to=Response)
    assert caught.value.code == "wrong_operation"
