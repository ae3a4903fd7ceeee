"""What each official client sees when something goes wrong: its own exception, the right status, a message that names
the cause, and no secret. Answers are in the client's format whoever failed."""

import base64
import json

import httpx
import pytest

from contract.sdk.stand import CLIENTS, GATEWAY_KEY, MODELS, PATHS, PROVIDERS, Stand
from contract.sdk.talking import TALKS, Failure, Talk

PAIRS = [(client, provider) for client in CLIENTS for provider in PROVIDERS]
every_pair = pytest.mark.parametrize(("client", "provider"), PAIRS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])
SECRETS = (GATEWAY_KEY, "scripted-key")


def failing(talk: Talk, model: str, text: str = "Hello", *, stream: bool = False) -> Failure:
    """What the SDK raises for a call."""
    with pytest.raises(talk.errors) as raised:
        talk.ask(model, [talk.user(text)], stream=stream)
    failure = talk.failure(raised.value)
    for secret in SECRETS:
        assert secret not in f"{raised.value!r} {failure.message} {failure.headers}"
    return failure


@every_pair
def test_a_wrong_key_is_401_and_nothing_reaches_the_provider(stand: Stand, client: str, provider: str) -> None:
    before = len(stand.provider.received)
    failure = failing(TALKS[client](stand, provider, key="nobodys-key"), MODELS[provider])
    assert failure.status == 401
    assert "Unauthorized" in failure.message
    assert "nobodys-key" not in failure.message
    assert len(stand.provider.received) == before


@every_pair
@whole_and_streamed
def test_a_model_that_does_not_exist_is_404(stand: Stand, client: str, provider: str, stream: bool) -> None:
    failure = failing(TALKS[client](stand, provider), "no-such-model", stream=stream)
    assert failure.status == 404
    assert "no-such-model" in failure.message


@every_pair
def test_a_model_the_route_does_not_allow_is_refused_by_the_gateway(stand: Stand, client: str, provider: str) -> None:
    before = len(stand.provider.received)
    failure = failing(TALKS[client](stand, provider, "-only"), "another-model")
    assert failure.status == 400
    assert f"cannot use own model - must be: {MODELS[provider]}" in failure.message
    assert len(stand.provider.received) == before


@every_pair
def test_a_request_that_is_too_large_is_413(stand: Stand, client: str, provider: str) -> None:
    assert failing(TALKS[client](stand, provider, "-small"), MODELS[provider], "x" * 1000).status == 413


@every_pair
@whole_and_streamed
def test_the_providers_rate_limit_says_when_to_come_back(
    stand: Stand, client: str, provider: str, stream: bool
) -> None:
    failure = failing(TALKS[client](stand, provider), "scripted-429-13", stream=stream)
    assert failure.status == 429
    assert failure.headers["retry-after"] == "13"
    assert "Scripted error 429" in failure.message


@every_pair
def test_the_gateways_own_rate_limit_says_when_to_come_back(stand: Stand, client: str, provider: str) -> None:
    talk = TALKS[client](stand, provider, "-once")
    failures: list[Failure] = []
    for _ in range(3):  # three in a row: at least one falls into the same minute as the one before
        try:
            talk.ask(MODELS[provider], [talk.user("Hello")])
        except talk.errors as error:
            failures.append(talk.failure(error))
    assert failures
    assert {failure.status for failure in failures} == {429}
    assert 0 < int(failures[0].headers["retry-after"]) <= 60
    assert "rate limit exceeded" in failures[0].message


@every_pair
@whole_and_streamed
@pytest.mark.parametrize("status", [500, 503])
def test_a_provider_that_fails_is_passed_on_with_its_words(
    stand: Stand, client: str, provider: str, stream: bool, status: int
) -> None:
    failure = failing(TALKS[client](stand, provider), f"scripted-{status}", stream=stream)
    assert failure.status == status
    assert f"Scripted error {status}" in failure.message


@every_pair
@whole_and_streamed
def test_a_provider_that_is_down_is_502_or_503(stand: Stand, client: str, provider: str, stream: bool) -> None:
    failure = failing(TALKS[client](stand, provider, "-down"), MODELS[provider], stream=stream)
    assert failure.status in (502, 503)
    assert failure.message


@every_pair
@whole_and_streamed
def test_a_provider_that_is_slow_is_504(stand: Stand, client: str, provider: str, stream: bool) -> None:
    failure = failing(TALKS[client](stand, provider, "-slow"), "scripted-slow", stream=stream)
    assert failure.status == 504


@every_pair
@whole_and_streamed
def test_a_provider_that_breaks_off_before_it_answers_is_502(
    stand: Stand, client: str, provider: str, stream: bool
) -> None:
    assert failing(TALKS[client](stand, provider), "scripted-reset", stream=stream).status == 502


@every_pair
@pytest.mark.parametrize("fault", ["garbage", "truncated", "reset-midstream"])
def test_an_answer_that_cannot_be_read_is_502(stand: Stand, client: str, provider: str, fault: str) -> None:
    failure = failing(TALKS[client](stand, provider), f"scripted-{fault}")
    assert failure.status == 502


@every_pair
def test_garbage_in_the_middle_of_a_stream_never_looks_like_an_answer(stand: Stand, client: str, provider: str) -> None:
    """Translated, it becomes an error event. Passed as bytes, it is the client that cannot read it."""
    talk = TALKS[client](stand, provider)
    with pytest.raises((*talk.errors, json.JSONDecodeError)):
        talk.ask("scripted-garbage-midstream", [talk.user("Hello")], stream=True)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_missing_key_is_401_in_the_clients_format(stand: Stand, client: str) -> None:
    answer = httpx.post(f"{stand.base(client, 'openai')}{PATHS[client][0]}", json={})
    assert answer.status_code == 401
    assert "No API key found in request" in answer.json()["message"]
    assert "error" in answer.json()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{cut", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "text/plain"),
        (b'{"messages": 1, "contents": 1}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"messages":[{"role":"user","content":"\xff"}]}', "application/json"),
    ],
)
def test_a_body_that_is_no_request_is_400_in_the_clients_format(
    stand: Stand, client: str, content: bytes, content_type: str
) -> None:
    before = len(stand.provider.received)
    path = f"{PATHS[client][0]}{'/gpt-5.5:generateContent' if client == 'gemini' else ''}"
    headers = {"authorization": f"Bearer {GATEWAY_KEY}", "content-type": content_type}
    answer = httpx.post(f"{stand.base(client, 'openai')}{path}", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == answer.json()["message"]
    assert len(stand.provider.received) == before


@every_pair
@pytest.mark.parametrize("fault", ["error", "reset", "stall"])
def test_a_stream_that_fails_in_the_middle_raises_in_the_client(
    stand: Stand, client: str, provider: str, fault: str
) -> None:
    variant = "-slow" if fault == "stall" else ""
    failure = failing(TALKS[client](stand, provider, variant), f"scripted-{fault}-midstream", stream=True)
    assert failure.message


@every_pair
def test_a_stream_that_stops_short_raises_in_the_client(stand: Stand, client: str, provider: str) -> None:
    failure = failing(TALKS[client](stand, provider), "scripted-truncated", stream=True)
    assert "before the answer was complete" in failure.message


@every_pair
def test_what_the_provider_refuses_is_400_with_its_reason(stand: Stand, client: str, provider: str) -> None:
    talk = TALKS[client](stand, provider)
    not_an_image = base64.b64encode(b"plain text").decode()
    with pytest.raises(talk.errors) as raised:
        talk.ask(MODELS[provider], [talk.user("Look", not_an_image)])
    failure = talk.failure(raised.value)
    assert failure.status == 400
    assert "image/png" in failure.message


@every_pair
@whole_and_streamed
def test_an_answer_that_the_model_refuses_is_no_error(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = TALKS[client](stand, provider)
    heard = talk.ask("scripted-refusal", [talk.user("Hello")], stream=stream)
    refused = {"openai": ("content_filter", "stop"), "anthropic": ("refusal",), "gemini": ("SAFETY", "STOP")}
    assert heard.finish in refused[client]
