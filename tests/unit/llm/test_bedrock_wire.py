"""What Converse says of a call, and of its errors."""

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.aws_event_stream import encode_message
from entresol.llm.bedrock_wire import (
    FINISH_REASONS,
    STOP_REASONS,
    CacheDetailWire,
    UsageWire,
    finish_reason,
    model_and_action,
    read_usage,
    write_usage,
)
from entresol.llm.events import ErrorDetail
from entresol.llm.formats.bedrock_converse import BedrockConverse
from entresol.llm.types import Usage

CONVERSE = BedrockConverse()


def event(name: str, payload: bytes) -> bytes:
    return encode_message({":event-type": name, ":message-type": "event"}, payload)


STREAM = [
    event("messageStart", b'{"role":"assistant"}'),
    *(event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"%d"}}' % number) for number in range(100)),
    event("contentBlockStop", b'{"contentBlockIndex":0}'),
    event("messageStop", b'{"stopReason":"max_tokens"}'),
    event("metadata", b'{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"serviceTier":{"type":"flex"}}'),
]


@pytest.mark.parametrize(
    ("path", "model", "action"),
    [
        ("/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", "anthropic.claude-3-haiku-20240307-v1:0",
         "converse"),
        ("/bedrock/model/m/converse-stream", "m", "converse-stream"),
        ("/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Aprofile%2Fx/invoke", "arn:aws:bedrock:eu:1:profile/x",
         "invoke"),
        ("/model/arn:aws:bedrock:eu:1:profile/x/invoke", "arn:aws:bedrock:eu:1:profile/x", "invoke"),
        ("/v1/chat", None, ""),
    ],
)  # fmt: skip
def test_the_path_names_model_and_action(path: str, model: str | None, action: str) -> None:
    assert model_and_action(path) == (model, action)


def test_every_reason_has_its_place() -> None:
    assert {FINISH_REASONS[wire] for wire in STOP_REASONS.values()} <= set(STOP_REASONS)
    assert finish_reason("guardrail_intervened") == "content_filter"
    assert finish_reason("model_context_window_exceeded") == "length"
    assert finish_reason("bored") == "stop"
    assert finish_reason(None) is None


def test_usage_is_read_in_buckets_that_do_not_overlap() -> None:
    wire = UsageWire(input_tokens=5, output_tokens=7, cache_read_input_tokens=900, cache_write_input_tokens=200)
    wire.cache_details = [CacheDetailWire("1h", 150), CacheDetailWire("5m", 50)]
    usage = read_usage(wire)
    assert usage == Usage(input=5, cache_read=900, cache_write=50, cache_write_1h=150, output=7)
    written = write_usage(Usage(input=5, cache_read=900, cache_write=50, cache_write_1h=150, output=7))
    assert written["totalTokens"] == 1112
    assert written["cacheWriteInputTokens"] == 200
    assert read_usage(UsageWire()) is None


def test_details_that_contradict_the_total_never_lose_tokens() -> None:
    wire = UsageWire(cache_write_input_tokens=200, cache_details=[CacheDetailWire("5m", 50)])
    assert read_usage(wire) == Usage(cache_write=200)


def test_a_whole_answer_says_how_it_ended() -> None:
    body = (
        b'{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"tool_use",'
        b'"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},'
        b'"trace":{"promptRouter":{"invokedModelId":"arn:x"}}}'
    )
    facts = CONVERSE.response_facts(body)
    assert (facts.finish_reason, facts.usage, facts.model) == ("tool_calls", Usage(input=1, output=2), "arn:x")


def test_an_error_with_status_200_is_an_error() -> None:
    facts = CONVERSE.response_facts(b'{"message":"expired"}')
    assert facts.error == ErrorDetail(status=502, message="expired", type="InternalServerException")


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"output"', b"[]"])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        CONVERSE.response_facts(body)


def test_the_ends_of_a_large_answer_tell_its_usage() -> None:
    facts = CONVERSE.fragment_facts(
        b'{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"',
        b'aaa"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}',
    )
    assert (facts.finish_reason, facts.usage) == ("stop", Usage(input=1, output=2))
    assert CONVERSE.fragment_facts(b"", b'"usage":{"inputTokens":"x"}').usage is None


def test_a_stream_is_read_from_its_ends() -> None:
    whole = b"".join(STREAM)
    for facts in (CONVERSE.stream_facts(whole, None), CONVERSE.stream_facts(whole[:500], whole[-1000:])):
        assert facts.is_complete
        assert (facts.finish_reason, facts.usage) == ("length", Usage(input=3, output=4))
        assert facts.service_tier == "flex"


def test_a_cut_stream_is_not_complete() -> None:
    assert not CONVERSE.stream_facts(b"".join(STREAM[:-2]), None).is_complete
    assert CONVERSE.stream_facts(b"".join(STREAM[:-1]), None).is_complete


def test_an_exception_at_the_end_of_a_stream_is_an_error() -> None:
    end = CONVERSE.stream_error(ErrorDetail(status=429, message="slow"), "r1")
    facts = CONVERSE.stream_facts(b"".join(STREAM[:5]) + end, None)
    assert facts.error == ErrorDetail(status=429, message="slow", type="ThrottlingException")
    assert not facts.is_complete


@pytest.mark.parametrize("head", [b"", b"<html>", b"\0" * 100, event("metadata", b"{"), event("messageStop", b"[]")])
def test_garbage_never_raises(head: bytes) -> None:
    assert CONVERSE.stream_facts(head, None).usage is None


def test_errors_are_read_and_written() -> None:
    assert CONVERSE.decode_error(400, b'{"message":"no"}') is not None
    assert b'"__type":"ValidationException"' in CONVERSE.error_body(ErrorDetail(status=400, message="no"), "r")


def test_messages_pass_whole() -> None:
    through = CONVERSE.stream_filter(CONVERSE.open(b"{}", "/model/m/converse-stream"))
    whole = b"".join(STREAM)
    assert b"".join(through(whole[at : at + 7], False) for at in range(0, len(whole), 7)) == whole
