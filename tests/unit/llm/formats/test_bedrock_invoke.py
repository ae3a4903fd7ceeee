"""InvokeModel: bytes pass, and what answers say is read."""

import json
from base64 import b64encode
from typing import Any

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.answers import PassedStream
from entresol.llm.aws_event_stream import EventStreamDecoder, encode_message
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.bedrock_invoke import BedrockInvoke
from entresol.llm.types import Usage

FORMAT = BedrockInvoke()
PROFILE = Profile(provider="bedrock")
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
BODY = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"x"}]}'


def chunk(value: dict[str, Any]) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return encode_message(headers, json.dumps({"bytes": b64encode(json.dumps(value).encode()).decode()}).encode())


STREAM = [
    chunk({"type": "message_start", "message": {"model": "claude-3", "usage": {"input_tokens": 5}}}),
    *(chunk({"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(at)}}) for at in range(200)),
    chunk({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 7}}),
    chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 7}}),
]


@pytest.mark.parametrize(("action", "stream"), [("invoke", False), ("invoke-with-response-stream", True)])
def test_the_path_says_model_and_stream(action: str, stream: bool) -> None:
    opened = FORMAT.open(BODY, f"/model/anthropic.claude-3-haiku-20240307-v1%3A0/{action}")
    assert (opened.model, opened.stream, opened.framing) == (CLAUDE, stream, "aws")


@pytest.mark.parametrize("action", ["converse", "count-tokens", "invoke-with-bidirectional-stream"])
def test_other_operations_are_refused(action: str) -> None:
    with pytest.raises(ClientError, match=f"{action} is not supported"):
        FORMAT.open(BODY, f"/model/m/{action}")


def test_a_body_never_names_model_or_stream() -> None:
    opened = FORMAT.open(BODY, "/model/alias/invoke")
    assert json.loads(FORMAT.close(opened, CLAUDE, True, NO_OPTIONS, PROFILE)) == json.loads(BODY)


@pytest.mark.parametrize(
    ("model", "body", "wire"),
    [
        (CLAUDE, {"max_tokens": 9}, {"max_tokens": 5, "temperature": 0.5, "top_k": 3}),
        ("cohere.command-r-v1:0", {}, {"max_tokens": 5, "temperature": 0.5, "k": 3}),
        ("amazon.nova-pro-v1:0", {"inferenceConfig": {"topP": 1, "maxTokens": 9}},
         {"inferenceConfig": {"topP": 1, "maxTokens": 5, "temperature": 0.5, "topK": 3}}),
    ],
)  # fmt: skip
def test_what_the_operator_sets_stands_where_the_model_has_it(
    model: str, body: dict[str, Any], wire: dict[str, Any]
) -> None:
    opened = FORMAT.open(json.dumps(body).encode(), f"/model/{model}/invoke")
    closed = FORMAT.close(opened, model, False, Options(max_tokens=5, temperature=0.5, top_k=3), PROFILE)
    assert json.loads(closed) == wire


@pytest.mark.parametrize(
    ("model", "wire"),
    [
        ("openai.gpt-oss-20b-1:0", {"max_completion_tokens": 5, "temperature": 0.5}),
        ("meta.llama3-70b", {"max_gen_len": 5, "temperature": 0.5}),
        ("amazon.titan-text-lite-v1", {"textGenerationConfig": {"maxTokenCount": 5, "temperature": 0.5}}),
    ],
)
def test_models_without_top_k_get_the_rest(model: str, wire: dict[str, Any]) -> None:
    opened = FORMAT.open(b"{}", f"/model/{model}/invoke")
    assert json.loads(FORMAT.close(opened, model, False, Options(max_tokens=5, temperature=0.5), PROFILE)) == wire
    with pytest.raises(ClientError, match="takes no top_k"):
        FORMAT.close(opened, model, False, Options(top_k=5), PROFILE)


def test_what_the_operator_sets_is_never_lost_silently() -> None:
    opened = FORMAT.open(b"{}", "/model/ai21.jamba/invoke")
    with pytest.raises(ClientError, match="settings of the route"):
        FORMAT.close(opened, "ai21.jamba", False, Options(max_tokens=5), PROFILE)
    opened = FORMAT.open(b'{"inferenceConfig":1}', "/model/amazon.nova-pro-v1:0/invoke")
    with pytest.raises(ClientError, match="inferenceConfig: expected an object"):
        FORMAT.close(opened, "amazon.nova-pro-v1:0", False, Options(max_tokens=5), PROFILE)


def test_an_answer_is_read() -> None:
    body = (
        b'{"type":"message","model":"claude-3","stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":7}}'
    )
    facts = FORMAT.response_facts(body)
    assert (facts.usage, facts.finish_reason, facts.model) == (Usage(input=5, output=7), "stop", "claude-3")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{"])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        FORMAT.response_facts(body)


@pytest.mark.parametrize(
    "body", [b'{"message":"no"}', b'{"error":{"message":"no"}}', b'{"type":"error","error":{"message":"no"}}']
)
def test_an_error_with_status_200_is_an_error(body: bytes) -> None:
    error = FORMAT.response_facts(body).error
    assert error is not None
    assert error.message == "no"


def test_the_ends_of_a_large_answer_tell_its_usage() -> None:
    tail = b'"text":"..."}],"usage":{"input_tokens":5,"output_tokens":7}}'
    assert FORMAT.fragment_facts(b'{"content":[{', tail).usage == Usage(input=5, output=7)
    assert FORMAT.fragment_facts(b"", b'"usage":{"input_tokens":"x"}').usage is None


def test_a_stream_is_read_from_its_ends() -> None:
    whole = b"".join(STREAM)
    for facts in (FORMAT.stream_facts(whole, None), FORMAT.stream_facts(whole[:900], whole[-1500:])):
        assert facts.is_complete
        assert (facts.usage, facts.finish_reason) == (Usage(input=5, output=7), "length")


def test_a_cut_stream_ends_in_an_exception() -> None:
    answer = PassedStream(FORMAT, None, "aws", "r1")
    out = b"".join(answer.feed(piece, False) for piece in STREAM[:5]) + answer.feed(b"", True)
    last = EventStreamDecoder().feed(out)[-1]
    assert last.headers[":message-type"] == "exception"
    assert answer.facts.error is not None
    assert answer.facts.error.code == "provider_stream_cut"


def test_a_stream_cut_inside_a_message_ends_in_an_exception_that_is_read() -> None:
    opened = FORMAT.open(BODY, f"/model/{CLAUDE}/invoke-with-response-stream")
    answer = PassedStream(FORMAT, FORMAT.stream_filter(opened), "aws", "r1")
    out = answer.feed(STREAM[0] + STREAM[1][:-5], False) + answer.feed(b"", True)
    messages = EventStreamDecoder().feed(out)
    assert [message.headers[":message-type"] for message in messages] == ["event", "exception"]


def test_a_stream_that_is_whole_passes_as_it_is() -> None:
    answer = PassedStream(FORMAT, None, "aws", "r1")
    whole = b"".join(STREAM)
    assert answer.feed(whole, True) == whole
    assert answer.facts.usage == Usage(input=5, output=7)


def test_an_exception_in_a_stream_is_an_error() -> None:
    end = FORMAT.stream_error(ErrorDetail(status=503, message="busy"), "r1", "aws")
    error = FORMAT.stream_facts(STREAM[0] + end, None).error
    assert error == ErrorDetail(status=503, message="busy", type="ServiceUnavailableException")


@pytest.mark.parametrize("piece", [b"", b"<html>", encode_message({":event-type": "chunk"}, b'{"bytes":"!"}')])
def test_garbage_never_raises(piece: bytes) -> None:
    assert FORMAT.stream_facts(piece, None).usage is None


def test_an_error_event_inside_a_stream_is_an_error() -> None:
    error = FORMAT.stream_facts(chunk({"type": "error", "error": {"message": "overloaded"}}), None).error
    assert error == ErrorDetail(status=502, message="overloaded")


def test_errors_are_read_and_written() -> None:
    assert FORMAT.decode_error(429, b'{"message":"slow"}') == ErrorDetail(
        status=429, message="slow", type="ThrottlingException"
    )
    assert b"ValidationException" in FORMAT.error_body(ErrorDetail(status=400, message="no"), "r1")
