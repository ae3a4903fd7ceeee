"""Bedrock's runtime: paths, credentials, faults."""

from typing import Any

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer

from entresol.scripted.endpoints import Answered
from entresol.scripted.script import Break

from .asking import ask, said

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
CREDENTIAL = "AKIDEXAMPLE/20261123/eu-central-1/bedrock/aws4_request"
SIGNED = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
HELLO = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "Hello"}],
}


def bedrock(action: str, body: Any = HELLO, model: str = CLAUDE, **headers: str) -> Answered:
    return ask(f"/model/{model.replace(':', '%3A')}/{action}", body, headers=headers)


def events(answered: Answered) -> list[tuple[str, Any]]:
    buffer: Any = EventStreamBuffer()
    buffer.add_data(answered.script.body)
    found = []
    for message in buffer:
        kind = message.headers.get(":event-type") or message.headers[":exception-type"]
        found.append((str(kind), msgspec.json.decode(message.payload)))
    return found


def kind_of(answered: Answered) -> str:
    return dict(answered.script.headers)[b"x-amzn-errortype"].decode().partition(":")[0]


def test_converse_answers() -> None:
    answered = bedrock("converse")
    assert (answered.wire, answered.model, answered.script.status) == ("bedrock", CLAUDE, 200)
    assert said(answered)["output"]["message"]["content"] == [{"text": 'You said: "Hello".'}]


def test_converse_stream_answers_in_messages() -> None:
    answered = bedrock("converse-stream")
    assert dict(answered.script.headers)[b"content-type"] == b"application/vnd.amazon.eventstream"
    assert events(answered)[0][0] == "messageStart"


def test_invoke_answers_in_the_models_own_words() -> None:
    assert said(bedrock("invoke", NATIVE))["content"][0]["text"] == 'You said: "Hello".'
    kinds = [kind for kind, _ in events(bedrock("invoke-with-response-stream", NATIVE))]
    assert set(kinds) == {"chunk"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**NATIVE, "anthropic_version": "2023-06-01"}, "anthropic_version"),
        ({**NATIVE, "model": "x"}, "model: Extra inputs"),
        ({**NATIVE, "stream": True}, "stream: Extra inputs"),
        ({**NATIVE, "messages": []}, "messages"),
        ([], "anthropic_version"),
    ],
)
def test_a_wrong_invocation_is_refused(body: Any, why: str) -> None:
    answered = bedrock("invoke", body)
    assert answered.script.status == 400
    assert why in said(answered)["message"]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"authorization": ""}, "MissingAuthenticationTokenException"),
        ({"authorization": "Bearer wrong"}, "AccessDeniedException"),
        ({"authorization": "Basic x"}, "IncompleteSignatureException"),
        ({"authorization": SIGNED}, "IncompleteSignatureException"),
        ({"authorization": SIGNED.replace("host;", ""), "x-amz-date": "x"}, "IncompleteSignatureException"),
    ],
)
def test_wrong_credentials_are_refused(headers: dict[str, str], kind: str) -> None:
    answered = bedrock("converse", **headers)
    assert (answered.script.status, kind_of(answered)) == (403, kind)


def test_what_looks_signed_is_taken() -> None:
    given = {"authorization": SIGNED, "x-amz-date": "20261123T000000Z"}
    assert ask(f"/model/{CLAUDE}/converse", HELLO, headers=given).script.status == 200


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [
        ("gpt-5", 400, "ValidationException"),
        ("scripted-429", 429, "ThrottlingException"),
        ("scripted-500", 500, "InternalServerException"),
        ("scripted-424", 424, "ModelErrorException"),
    ],
)
def test_faults_and_strange_models_are_errors_of_bedrocks(model: str, status: int, kind: str) -> None:
    answered = bedrock("converse", model=model)
    assert (answered.script.status, kind_of(answered)) == (status, kind)
    assert set(said(answered)) == {"message"}


def test_a_body_that_is_not_json_is_refused() -> None:
    answered = ask(f"/model/{CLAUDE}/converse", raw=b"{")
    assert (answered.script.status, kind_of(answered)) == (400, "SerializationException")


def test_other_methods_are_refused() -> None:
    assert ask(f"/model/{CLAUDE}/converse", method="GET").script.status == 405


def test_a_stream_fails_on_order() -> None:
    name, value = events(bedrock("converse-stream", model="scripted-error-midstream"))[-1]
    assert name == "serviceUnavailableException"
    assert "message" in value
    assert bedrock("converse-stream", model="scripted-reset").script.before_head == (Break(),)


def test_other_paths_are_not_bedrocks() -> None:
    assert ask("/v1/messages", {}).wire == "anthropic"
    assert ask("/model/x/apply-guardrail", {}).wire != "bedrock"


def test_a_refusal_on_order_is_content_that_was_filtered() -> None:
    assert said(bedrock("converse", model="scripted-refusal"))["stopReason"] == "content_filtered"
