"""What realtime events say of usage, session and errors."""

import msgspec
import pytest

from entresol.llm.events import ErrorDetail
from entresol.llm.realtime_events import SessionFacts, error_event, summed
from entresol.llm.types import Usage


def event(kind: str, **fields: object) -> bytes:
    return msgspec.json.encode({"type": kind, "event_id": "event_1", **fields})


def done(usage: object, response_id: str = "resp_1") -> bytes:
    return event("response.done", response={"object": "realtime.response", "id": response_id, "usage": usage})


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(input=5, output=3)),
        (
            {
                "input_tokens": 127, "output_tokens": 148,
                "input_token_details": {
                    "cached_tokens": 64, "text_tokens": 119, "audio_tokens": 8,
                    "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0},
                },
                "output_token_details": {"text_tokens": 36, "audio_tokens": 112},
            },
            Usage(input=55, cache_read=64, input_audio=8, output=36, output_audio=112),
        ),
        (
            {
                "input_tokens": 100, "output_tokens": 0,
                "input_token_details": {
                    "cached_tokens": 60, "audio_tokens": 80,
                    "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 50},
                },
            },
            Usage(input=10, cache_read=10, cache_read_audio=50, input_audio=30),
        ),
        (
            {"input_tokens": 100, "output_tokens": 1, "input_token_details": {"cached_tokens": 60, "audio_tokens": 80}},
            Usage(input=0, cache_read=60, input_audio=40, output=1),
        ),
        (
            {
                "input_tokens": 10, "output_tokens": 5,
                "input_token_details": {"cached_tokens": 99, "audio_tokens": 99},
                "output_token_details": {"audio_tokens": 99},
            },
            Usage(cache_read=10, output_audio=5),
        ),
        ({"input_tokens": -3, "output_tokens": None}, Usage()),
    ],
)  # fmt: skip
def test_usage_becomes_buckets_that_do_not_overlap(wire: object, usage: Usage) -> None:
    facts = SessionFacts()
    assert facts.note(done(wire))
    assert facts.usage == usage


def test_usage_of_all_responses_is_summed_and_a_repeated_one_counted_once() -> None:
    facts = SessionFacts()
    assert facts.note(done({"input_tokens": 5, "output_tokens": 3}, "a"))
    assert not facts.note(done({"input_tokens": 5, "output_tokens": 3}, "a"))
    assert facts.note(done({"input_tokens": 10, "output_tokens": 1}, "b"))
    assert (facts.usage, facts.responses, facts.tokens) == (Usage(input=15, output=4), 2, 19)


def test_transcriptions_are_counted_apart_in_tokens_or_in_time() -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    facts = SessionFacts()
    tokens = {"type": "tokens", "input_tokens": 20, "output_tokens": 4, "input_token_details": {"audio_tokens": 18}}
    assert facts.note(event(kind, item_id="i1", content_index=0, usage=tokens))
    assert not facts.note(event(kind, item_id="i1", content_index=0, usage=tokens))
    facts.note(event(kind, item_id="i2", content_index=0, usage={"type": "duration", "seconds": 2.5}))
    facts.note(event(kind, item_id="i3", content_index=0))
    assert facts.usage is None
    assert facts.transcription == Usage(input=2, input_audio=18, output=4)
    assert facts.transcribed_s == 2.5
    assert facts.tokens == 24


@pytest.mark.parametrize(
    "session",
    [
        {"type": "realtime", "model": "gpt-realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        {"model": "gpt-realtime", "input_audio_transcription": {"model": "whisper-1"}},
    ],
)
def test_the_session_names_its_models(session: object) -> None:
    facts = SessionFacts()
    facts.note(event("session.created", session=session))
    assert (facts.model, facts.transcription_model) == ("gpt-realtime", "whisper-1")
    facts.note(event("session.updated", session={"model": "gpt-realtime-2", "audio": {"input": {}}}))
    assert (facts.model, facts.transcription_model) == ("gpt-realtime-2", "whisper-1")


def test_errors_are_kept_whether_the_session_or_a_response_failed() -> None:
    facts = SessionFacts()
    facts.note(event("error", error={"type": "invalid_request_error", "code": "unknown_item", "message": "no item"}))
    assert facts.error == ErrorDetail(status=400, message="no item", type="invalid_request_error", code="unknown_item")
    error = {"type": "server_error", "code": "rate_limit_exceeded"}
    response = {"id": "r", "status": "failed", "status_details": {"type": "failed", "error": error}}
    facts.note(event("response.done", response=response))
    assert facts.error is not None
    assert (facts.error.status, facts.error.message) == (429, "the provider gave no message")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{", b'{"type":7}', b'{"type":"response.done"}', b'{"type":"response.done","response":1}',
        b'{"type":"response.done","response":{"usage":{"input_tokens":"many"}}}', b'{"type":"session.created"}',
        b'{"type":"error"}', b'{"type":"response.output_audio.delta","delta":"AAAA"}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_event_of_ours_says_nothing(data: bytes) -> None:
    facts = SessionFacts()
    assert not facts.note(data)
    assert (facts.usage, facts.tokens, facts.model, facts.error) == (None, 0, None, None)


def test_sums_leave_what_was_summed_alone() -> None:
    first, second = Usage(input=1, cache_write_1h=2), Usage(input=10, output_image=5)
    assert summed(first, second) == Usage(input=11, cache_write_1h=2, output_image=5)
    assert (first, second) == (Usage(input=1, cache_write_1h=2), Usage(input=10, output_image=5))


def test_an_error_event_is_one_that_the_openai_client_reads() -> None:
    from openai.types.realtime import RealtimeErrorEvent

    read = RealtimeErrorEvent.model_validate_json(error_event("invalid_request_error", "code", "why", "event_9"))
    assert (read.type, read.event_id, read.error.code, read.error.message) == ("error", "event_9", "code", "why")
