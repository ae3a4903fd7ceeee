from typing import Any

import msgspec
import pytest

from entresol.scripted.responses_endpoints import answer_responses
from entresol.scripted.script import Incoming, Script
from entresol.scripted.settings import Settings

SETTINGS = Settings()


def asked(method: str = "POST", path: str = "/v1/responses", key: str = "scripted-key", **fields: Any) -> Script:
    body = msgspec.json.encode({"model": "gpt-5", "input": "Hi"} | fields)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answered = answer_responses(Incoming(method, path, "", headers, body), SETTINGS)
    assert answered is not None
    return answered.script


def error_of(script: Script) -> dict[str, Any]:
    return msgspec.json.decode(script.body, type=dict[str, dict[str, Any]])["error"]


def test_other_paths_are_not_its_own() -> None:
    assert answer_responses(Incoming("POST", "/v1/chat/completions", "", {}, b""), SETTINGS) is None


def test_an_answer_is_whole_or_streamed() -> None:
    whole = msgspec.json.decode(asked().body)
    assert (whole["object"], whole["status"]) == ("response", "completed")
    streamed = asked(stream=True)
    assert streamed.streamed
    assert streamed.body.startswith(b"event: response.created\n")
    assert b"event: response.completed\n" in streamed.body


def test_an_answer_in_the_background_is_queued() -> None:
    assert msgspec.json.decode(asked(background=True).body)["status"] == "queued"


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (asked(key="wrong"), 401),
        (asked(method="GET"), 405),
        (asked(method="GET", path="/v1/responses/resp_1"), 404),
        (asked(model="llama"), 404),
        (asked(model="scripted-429"), 429),
        (asked(model=5), 400),
        (asked(input=None), 400),
    ],
)
def test_what_openai_refuses_is_refused(script: Script, status: int) -> None:
    assert script.status == status
    assert error_of(script)["message"]


@pytest.mark.parametrize("body", [b"{", b"", b"[]"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    headers = {"authorization": "Bearer scripted-key", "content-type": "application/json"}
    answered = answer_responses(Incoming("POST", "/v1/responses", "", headers, body), SETTINGS)
    assert answered is not None
    assert answered.script.status == 400


def test_faults_are_in_its_wire() -> None:
    script = asked(model="scripted-error-midstream", stream=True)
    assert script.body.rstrip().rpartition(b"\n\n")[2].startswith(b"event: error\n")
