import msgspec
import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.openai_responses_facts import (
    facts_of_answer,
    facts_of_fragment,
    facts_of_stream,
    finish_reason,
    read_usage,
    write_usage,
)
from entresol.llm.openai_responses_structs import InputDetails, OutputDetails, UsageWire
from entresol.llm.types import FinishReason, Usage
from unit.llm.responses_events import CREATED, final, stream


def answer(**fields: object) -> bytes:
    return msgspec.json.encode(
        {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": []} | fields
    )


def test_usage_comes_back_the_same() -> None:
    usage = Usage(
        input=5, cache_read=3, cache_write=2, input_audio=1, output=4, reasoning=6, output_audio=1, output_image=2
    )
    assert read_usage(msgspec.convert(write_usage(usage), UsageWire)) == usage


def test_details_never_exceed_their_total() -> None:
    wire = UsageWire(10, 3, InputDetails(cached_tokens=40), OutputDetails(reasoning_tokens=9))
    assert read_usage(wire) == Usage(input=0, cache_read=10, output=0, reasoning=3)


@pytest.mark.parametrize(
    ("status", "incomplete", "calls", "reason"),
    [
        ("completed", None, False, "stop"),
        ("completed", None, True, "tool_calls"),
        ("incomplete", "max_output_tokens", True, "length"),
        ("incomplete", "content_filter", False, "content_filter"),
        ("incomplete", "steered", False, "pause"),
        ("failed", None, False, "error"),
        ("cancelled", None, False, "error"),
        ("queued", None, False, None),
        ("in_progress", None, False, None),
        (None, None, False, "stop"),
    ],
)
def test_a_status_says_why_it_ended(
    status: str | None, incomplete: str | None, calls: bool, reason: FinishReason | None
) -> None:
    assert finish_reason(status, incomplete, calls) == reason


def test_a_call_in_the_output_is_the_reason() -> None:
    facts = facts_of_answer(answer(output=[{"type": "reasoning"}, {"type": "custom_tool_call"}]))
    assert (facts.finish_reason, facts.model, facts.response_id, facts.is_complete) == (
        "tool_calls",
        "m",
        "resp_1",
        True,
    )


def test_a_response_that_failed_is_an_answer_that_says_so() -> None:
    facts = facts_of_answer(answer(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"}))
    assert facts.error is not None
    assert (facts.error.status, facts.error.message, facts.finish_reason) == (429, "slow", "error")


def test_a_bare_error_is_no_answer() -> None:
    facts = facts_of_answer(b'{"error":{"message":"no","type":"server_error"}}')
    assert facts.error is not None
    assert facts.finish_reason is None


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"output":5}', b'{"output":[', b"[]", b"\xff"])
def test_what_is_no_response_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        facts_of_answer(body)
    assert caught.value.code == "provider_bad_response"


def test_a_large_answer_is_read_by_its_ends() -> None:
    body = answer(
        incomplete_details={"reason": "max_output_tokens"}, status="incomplete", text="x" * 50_000,
        usage={"input_tokens": 3, "output_tokens": 2},
    )  # fmt: skip
    facts = facts_of_fragment(body[:4096], body[-4096:])
    assert (facts.usage, facts.model, facts.finish_reason) == (Usage(input=3, output=2), "m", "length")


def test_a_stream_says_how_it_ended() -> None:
    facts = facts_of_stream(stream(CREATED, final(service_tier="flex")), None)
    assert (facts.usage, facts.model, facts.finish_reason) == (Usage(input=3, output=2), "gpt-5", "stop")
    assert (facts.response_id, facts.service_tier, facts.is_complete) == ("resp_1", "flex", True)


def test_a_stream_without_its_last_event_is_not_complete() -> None:
    facts = facts_of_stream(stream(CREATED), None)
    assert (facts.is_complete, facts.finish_reason, facts.model) == (False, None, "gpt-5")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "broke"},
        {"type": "error", "error": {"code": "server_error", "message": "broke"}},
        final("failed", error={"code": "server_error", "message": "broke"}),
    ],
)
def test_an_error_in_a_stream_is_told(event: dict[str, object]) -> None:
    facts = facts_of_stream(stream(CREATED, event), None)
    assert facts.error is not None
    assert (facts.error.message, facts.error.code) == ("broke", "server_error")


@pytest.mark.parametrize("window", [400, 2_000, 20_000])
@pytest.mark.parametrize("has_calls", [True, False])
def test_a_last_event_larger_than_the_window_is_read_by_its_end(window: int, has_calls: bool) -> None:
    output = [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}] if has_calls else []
    response = {
        "id": "resp_1", "object": "response", "status": "completed", "instructions": "x" * 30_000, "model": "gpt-5",
        "output": output, "usage": {"input_tokens": 3, "output_tokens": 2}, "metadata": {},
    }  # fmt: skip
    data = stream(CREATED, {"type": "response.completed", "response": response})
    facts = facts_of_stream(data[:300], data[-window:])
    assert (facts.usage, facts.is_complete) == (Usage(input=3, output=2), True)
    assert facts.finish_reason == ("tool_calls" if has_calls else "stop")


def test_a_window_that_ends_in_the_middle_of_an_event_is_not_the_end() -> None:
    data = stream(CREATED, final(instructions="x" * 30_000))[:-10]
    assert not facts_of_stream(data[:300], data[-2000:]).is_complete
