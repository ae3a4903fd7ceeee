"""Endpoints beside chat: who may call them, which exist, and what is remembered between calls."""

from urllib.parse import urlsplit

import msgspec
import pytest

from entresol.scripted.endpoints import DEFAULT_KEY, Answered, Settings, answer
from entresol.scripted.script import Incoming
from unit.scripted.asking import ask, said
from unit.scripted.forms import WAV, form, post


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/files", "/v1/moderations", "/v1/batches"])
def test_a_wrong_key_is_refused(path: str) -> None:
    answered = ask(path, {}, headers={"authorization": "Bearer wrong"})
    assert (answered.script.status, said(answered)["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/audio/speech"), ("DELETE", "/v1/files"), ("POST", "/v1/files/file-1"), ("PUT", "/v1/moderations")],
)
def test_methods_that_a_path_does_not_have_are_refused(method: str, path: str) -> None:
    assert ask(path, {}, method=method).script.status == 405


@pytest.mark.parametrize(("model", "status"), [("scripted-429", 429), ("nobody", 404)])
def test_models_order_faults_in_forms_too(model: str, status: int) -> None:
    answered = post("/v1/audio/transcriptions", ("model", None, model), WAV)
    assert (answered.script.status, answered.model) == (status, model)


class Provider:
    """One provider that remembers."""

    def __init__(self) -> None:
        self.settings = Settings()

    def call(self, method: str, target: str, body: bytes = b"", kind: str = "application/json") -> Answered:
        split = urlsplit(target)
        headers = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": kind}
        return answer(Incoming(method, split.path, split.query, headers, body), self.settings)

    def upload(self, data: bytes, purpose: str = "batch") -> str:
        body = form(("purpose", None, purpose), ("file", "in.jsonl", data))
        stored: str = said(self.call("POST", "/v1/files", body, "multipart/form-data; boundary=bnd"))["id"]
        return stored


def test_a_file_is_kept_listed_given_back_and_deleted() -> None:
    provider = Provider()
    file_id = provider.upload(b"{}\n")
    assert said(provider.call("GET", f"/v1/files/{file_id}"))["filename"] == "in.jsonl"
    assert [row["id"] for row in said(provider.call("GET", "/v1/files?purpose=batch"))["data"]] == [file_id]
    assert said(provider.call("GET", "/v1/files?purpose=evals"))["data"] == []
    assert provider.call("GET", f"/v1/files/{file_id}/content").script.body == b"{}\n"
    assert said(provider.call("DELETE", f"/v1/files/{file_id}"))["deleted"]
    assert provider.call("GET", f"/v1/files/{file_id}").script.status == 404


def test_a_batch_begins_is_listed_and_cancelled_once() -> None:
    provider = Provider()
    body = {"input_file_id": provider.upload(b"{}\n"), "endpoint": "/v1/embeddings", "completion_window": "24h"}
    batch = said(provider.call("POST", "/v1/batches", msgspec.json.encode(body)))
    assert said(provider.call("GET", "/v1/batches"))["data"] == [batch]
    assert said(provider.call("POST", f"/v1/batches/{batch['id']}/cancel"))["status"] == "cancelling"
    assert provider.call("POST", f"/v1/batches/{batch['id']}/cancel").script.status == 409
    assert provider.call("GET", "/v1/batches/batch_none").script.status == 404


def test_a_batch_of_a_file_for_something_else_is_refused() -> None:
    provider = Provider()
    body = {"input_file_id": provider.upload(b"x", "vision"), "endpoint": "/v1/embeddings", "completion_window": "24h"}
    assert provider.call("POST", "/v1/batches", msgspec.json.encode(body)).script.status == 400
