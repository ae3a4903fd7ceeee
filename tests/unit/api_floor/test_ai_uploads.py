"""Requests that pass: where they go, what is read and changed of them, and how little is held."""

from typing import Any

import pytest

from entresol.api_floor.ai_call import AI_CALL
from entresol.api_floor.ai_slots import AI_META, AI_USAGE
from entresol.core.http import HeaderPairs
from entresol.plugins.ai_proxy import AiProxy
from playbooks.floor import FakeClient, Playbook
from playbooks.harness import Gateway, violations_of
from unit.llm.test_multipart import form

FORM: HeaderPairs = [(b"content-type", b"multipart/form-data; boundary=bnd"), (b"authorization", b"Bearer mine")]
AUDIO = ("file", "a.wav", b"RIFF" + bytes(100))


def config(route_type: str = "audio/v1/audio/transcriptions", **changes: Any) -> dict[str, Any]:
    model = {"provider": "openai", "options": {"upstream_url": "http://mock.test:9"}, **changes.pop("model", {})}
    auth = {"header_name": "Authorization", "header_value": "Bearer sk-provider-key"}
    return {"route_type": route_type, "model": model, "auth": auth, "max_request_body_size": 0, **changes}


def playbook(raw: dict[str, Any]) -> Playbook:
    return Playbook(Gateway((AiProxy, raw)).plugins)


def upload(play: Playbook, *pieces: bytes, path: str = "/v1/audio/transcriptions") -> FakeClient:
    client = play.client_starts("POST", path, headers=FORM)
    for number, piece in enumerate(pieces):
        client.sends(piece, last=number == len(pieces) - 1)
    return client


def test_a_form_goes_to_the_provider_with_the_gateways_credential_and_its_own_boundary() -> None:
    play = playbook(config())
    data = form(("model", None, b"whisper-1"), AUDIO)
    upload(play, data)
    sent = play.upstream
    assert (sent.request.target, sent.request.method, sent.body) == ("/v1/audio/transcriptions", "POST", data)
    assert sent.header("content-type") == "multipart/form-data; boundary=bnd"
    assert sent.header("authorization") == "Bearer sk-provider-key"


def test_a_file_before_the_model_passes_where_the_operator_named_it() -> None:
    play = playbook(config(model={"name": "whisper-1"}))
    data = form(("file", "a.wav", bytes(200_000)))
    upload(play, data[:100_000], data[100_000:])
    assert play.upstream.body == form(("file", "a.wav", bytes(200_000)), ("model", None, b"whisper-1"))


def test_an_upload_of_50_mb_is_never_held() -> None:
    play = playbook(config(model={"name": "whisper-1"}))
    client = play.client_starts("POST", headers=FORM)
    start, piece = form(AUDIO)[:-40], bytes(65_536)
    client.sends(start)
    came, passed, most = len(start), 0, 0
    for _ in range(800):
        client.sends(piece)
        came += len(piece)
        passed += len(play.upstream.body)
        play.upstream.body = b""
        most = max(most, came - passed)
    assert came > 50_000_000
    assert most < 100


def azure(**model: Any) -> dict[str, Any]:
    """A route where the address depends on the model."""
    raw = config(
        model={"provider": "azure", "options": {"azure_instance": "mine", "azure_deployment_id": "whisper"}, **model}
    )
    return raw


def test_where_the_address_does_not_depend_on_it_the_model_may_come_last() -> None:
    play = playbook(azure())
    upload(play, form(("file", "a.wav", bytes(200_000)), ("model", None, b"whisper-1")))
    assert play.upstream.request.target.startswith("/openai/deployments/whisper/audio/transcriptions?api-version=")
    assert play.upstream.request.host == "mine.openai.azure.com"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([AUDIO], "model_missing"),
        ([("model", None, b""), AUDIO], "model_missing"),
        ([("model", None, b"x" * 300), AUDIO], "bad_request"),
        ([("model", None, b"a"), ("model", None, b"b"), AUDIO], "bad_request"),
    ],
)
def test_a_form_whose_model_makes_no_sense_is_refused(parts: list[Any], code: str) -> None:
    assert upload(playbook(config()), form(*parts)).header("x-entresol-error") == code


def test_the_alias_is_replaced_in_the_form() -> None:
    play = playbook(config(model={"name": "whisper-1", "model_alias": "ears"}))
    upload(play, form(("model", None, b"ears"), AUDIO))
    assert play.upstream.body == form(("model", None, b"whisper-1"), AUDIO)


@pytest.mark.parametrize(
    ("mode", "said", "sent"), [("always", None, b"true"), ("always", b"false", b"true"), ("allow", b"true", b"true")]
)
def test_the_operator_decides_on_streams(mode: str, said: bytes | None, sent: bytes) -> None:
    play = playbook(config(response_streaming=mode))
    given = [] if said is None else [("stream", None, said)]
    upload(play, form(("model", None, b"m"), AUDIO, *given))
    assert b'name="stream"\r\n\r\n' + sent in play.upstream.body
    client = upload(playbook(config(response_streaming="deny")), form(("model", None, b"m"), ("stream", None, b"true")))
    assert client.header("x-entresol-error") == "streaming_denied"


def test_usage_and_cost_are_told() -> None:
    play = playbook(config())
    client = upload(play, form(AUDIO, ("model", None, b"gpt-4o-transcribe")))
    usage = b'{"type":"tokens","input_tokens":14,"output_tokens":6,"input_token_details":{"audio_tokens":10}}'
    play.upstream.answers(200, b'{"text":"hi","usage":%b}' % usage, [(b"content-type", b"application/json")])
    assert client.path is not None
    exchange = client.path.exchange
    assert (exchange[AI_META].request_model, exchange[AI_META].request_mode) == ("gpt-4o-transcribe", "oneshot")
    assert (exchange[AI_USAGE].prompt_tokens, exchange[AI_USAGE].completion_tokens) == (14, 6)
    assert exchange[AI_CALL].way.model == "gpt-4o-transcribe"
    assert client.header("x-entresol-llm-model") == "openai/gpt-4o-transcribe"


def test_over_the_limit_a_form_is_refused_while_it_comes() -> None:
    play = playbook(config(max_request_body_size=1000))
    client = play.client_starts("POST", headers=FORM)
    client.sends(form(("model", None, b"m"), AUDIO)[:-20])
    client.sends(bytes(1000))
    assert (client.status, client.header("x-entresol-error")) == (413, "request_too_large")
    assert play.upstream.is_cancelled


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/v1/files", "/v1/files"),
        ("GET", "/team/v1/files/file-1", "/v1/files/file-1"),
        ("GET", "/v1/files/file-1/content", "/v1/files/file-1/content"),
        ("DELETE", "/v1/files/file-1", "/v1/files/file-1"),
    ],
)
def test_what_is_stored_is_reached_by_its_id(method: str, path: str, target: str) -> None:
    play = playbook(config("llm/v1/files"))
    client = play.client_starts(method, path, query="limit=2")
    client.sends(b"", last=True)
    assert (play.upstream.request.method, play.upstream.request.target) == (method, f"{target}?limit=2")
    assert play.upstream.header("content-type") is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/other", 404),
        ("GET", "/v1/files/a/b", 404),
        ("GET", "/v1/files/a/../b", 404),
        ("GET", "/v1/files/a?b", 404),
        ("PUT", "/v1/files", 405),
        ("POST", "/v1/files/a", 405),
        ("DELETE", "/v1/files/a/content", 405),
    ],
)
def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    play = playbook(config("llm/v1/files"))
    client = play.client_starts(method, path)
    client.sends(b"", last=True)
    assert client.status == status
    assert play.transport.calls == []


def test_a_batch_is_started_with_the_clients_own_words() -> None:
    play = playbook(config("llm/v1/batches"))
    client = play.client_starts(
        "POST", "/v1/batches", headers=[(b"content-type", b"application/json"), (b"content-length", b"2")]
    )
    client.sends(b"{}", last=True)
    assert (play.upstream.request.target, play.upstream.body) == ("/v1/batches", b"{}")
    assert play.upstream.header("content-type") == "application/json"


def test_a_batch_is_not_deleted() -> None:
    client = playbook(config("llm/v1/batches")).client_starts("DELETE", "/v1/batches/b")
    assert client.status == 405


def test_a_credential_in_the_body_is_a_violation() -> None:
    auth = {"param_name": "key", "param_value": "s", "param_location": "body"}
    found = violations_of(AiProxy, config(auth=auth))
    assert "auth.param_location" in found


def test_an_address_that_ends_in_a_slash_holds_what_is_stored_too() -> None:
    raw = config("llm/v1/files", model={"options": {"upstream_url": "http://mock.test:9/mine/files/?a=1"}})
    reply = Gateway((AiProxy, raw)).call("GET", "/v1/files/file-1")
    assert reply.sent is not None
    assert reply.sent.target == "/mine/files/file-1?a=1"
