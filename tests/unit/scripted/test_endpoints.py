"""Endpoints, credentials, models and content types."""

import pytest

from entresol.scripted.endpoints import MODELS, Settings, answer
from entresol.scripted.script import Incoming
from unit.scripted.asking import ask, chat, events, generate, messages, said, user

ANTHROPIC = {"anthropic-version": "2023-06-01"}


def test_the_root_answers_a_probe() -> None:
    assert ask("/", method="HEAD").script.status == 200


@pytest.mark.parametrize(
    ("target", "headers", "status", "kind"),
    [
        ("/v1/chat/completions", {"authorization": ""}, 401, "invalid_request_error"),
        ("/v1/chat/completions", {"authorization": "Bearer no"}, 401, "invalid_request_error"),
        ("/v1/messages", {"authorization": ""}, 401, "authentication_error"),
        ("/v1/messages", {"x-api-key": "no"}, 401, "authentication_error"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", {"x-goog-api-key": ""}, 403, "PERMISSION_DENIED"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", {"x-goog-api-key": "no"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_a_missing_or_wrong_key_is_refused(target: str, headers: dict[str, str], status: int, kind: str) -> None:
    answered = ask(target, {}, headers=headers)
    error = said(answered)["error"]
    assert answered.script.status == status
    assert kind in (error.get("type"), error.get("status"))
    assert "no" not in error["message"].split()


def test_a_key_is_taken_in_every_place_it_may_stand() -> None:
    body = {"contents": [{"parts": [{"text": "a"}]}]}
    target = "/v1beta/models/gemini-2.5-flash:generateContent?key=scripted-key"
    assert ask(target, body, headers={"x-goog-api-key": ""}).script.status == 200
    message = {"model": "claude-haiku-5-5", "max_tokens": 5, "messages": [user("a")]}
    assert ask("/v1/messages", message, headers={"x-api-key": "scripted-key", "authorization": ""}).script.status == 200
    assert ask("/v1/messages", message, headers={"x-api-key": "bad"}).script.status == 401


def test_anthropic_wants_a_known_version() -> None:
    incoming = Incoming("POST", "/v1/messages", "", {"x-api-key": "scripted-key"}, b"{}")
    assert "header is required" in said(answer(incoming, Settings()))["error"]["message"]
    refused = ask("/v1/messages", {}, headers={"anthropic-version": "2020-01-01"})
    assert "not a valid version" in said(refused)["error"]["message"]


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/v1/nothing", "POST", 404),
        ("/v1/chat/completions", "GET", 405),
        ("/v1/models", "POST", 405),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "GET", 405),
        ("/v1beta/models/gemini-2.5-flash:dance", "POST", 404),
        ("/v1beta/nothing", "GET", 404),
    ],
)
def test_unknown_paths_and_methods_are_refused(target: str, method: str, status: int) -> None:
    assert ask(target, {}, method=method).script.status == status


@pytest.mark.parametrize(
    "target", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/gemini-2.5-flash:generateContent"]
)
@pytest.mark.parametrize(
    ("raw", "content_type"), [(b"{bad", "application/json"), (b"{}", "text/plain"), (b"\xff", "application/json")]
)
def test_what_is_not_json_is_refused(target: str, raw: bytes, content_type: str) -> None:
    answered = ask(target, raw=raw, headers={"content-type": content_type})
    assert answered.script.status == 400
    assert said(answered)["error"]["message"]


def test_an_unknown_model_is_not_found_in_the_words_of_each_wire() -> None:
    assert said(chat(model="llama"))["error"]["code"] == "model_not_found"
    assert said(messages(model="llama"))["error"] == {"type": "not_found_error", "message": "model: llama"}
    assert said(generate("llama"))["error"]["status"] == "NOT_FOUND"
    assert chat(model="llama").script.status == 404


@pytest.mark.parametrize("asked", [chat, messages])
def test_models_that_fail_on_order_fail(asked: object) -> None:
    for status in (429, 500, 503):
        answered = asked(model=f"scripted-{status}")  # type: ignore[operator]
        assert answered.script.status == status
    limited = asked(model="scripted-429-3")  # type: ignore[operator]
    assert (b"retry-after", b"3") in limited.script.headers
    assert limited.model == "scripted-429-3"


def test_a_stream_fails_in_the_middle_in_the_format_of_its_wire() -> None:
    assert events(chat(model="scripted-error-midstream", stream=True))[-1]["error"]["type"] == "server_error"
    assert events(messages(model="scripted-error-midstream", stream=True))[-1]["type"] == "error"
    streamed = generate("scripted-error-midstream", "streamGenerateContent?alt=sse")
    assert events(streamed)[-1]["error"]["status"] == "UNAVAILABLE"


def test_models_are_listed_per_wire() -> None:
    openai = said(ask("/v1/models", method="GET"))
    anthropic = said(ask("/v1/models?limit=1000", method="GET", headers=ANTHROPIC))
    gemini = said(ask("/v1beta/models", method="GET"))
    assert [row["id"] for row in openai["data"]] == list(MODELS["openai"])
    assert [row["id"] for row in anthropic["data"]] == list(MODELS["anthropic"])
    assert [row["name"] for row in gemini["models"]] == [f"models/{name}" for name in MODELS["gemini"]]
    assert said(ask("/v1/models/gpt-5.5", method="GET"))["id"] == "gpt-5.5"
    assert ask("/v1/models/nope", method="GET").script.status == 404
